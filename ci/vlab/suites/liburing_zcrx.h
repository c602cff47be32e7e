// What iou-zcrx.c takes from liburing 2.10 and newer, for the older one of this system. Included
// ahead of the test's own headers, and after its kernel's linux/io_uring.h, which liburing's copy
// then leaves alone: the include guard is the same.
#pragma once

#include <errno.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#if IO_URING_VERSION_MAJOR * 100 + IO_URING_VERSION_MINOR < 210  // the oldest have neither name

// man io_uring_register_ifq(3); the test fills it in itself.
struct io_uring_zcrx_rq {
  __u32* khead;
  __u32* ktail;
  __u32 rq_tail;
  unsigned ring_entries;
  struct io_uring_zcrx_rqe* rqes;
  void* ring_ptr;
};

static inline int io_uring_register_ifq(struct io_uring* ring,
                                        struct io_uring_zcrx_ifq_reg* registration) {
  long done =
      syscall(__NR_io_uring_register, ring->ring_fd, IORING_REGISTER_ZCRX_IFQ, registration, 1);
  return done < 0 ? -errno : (int)done;
}

#endif
