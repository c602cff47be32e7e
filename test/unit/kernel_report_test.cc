#include "support/kernel/kernel_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const LogSubject kSubject = {.interface = "eth1", .driver = "bnxt_en", .bus = "0000:00:05.0"};

// Returns the complaints of a log: a message a line, all of them errors.
std::vector<std::string> Complaints(const std::string& log) {
  KernelReports reports(kSubject);
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) reports.Take({.level = 3, .text = line});
  std::vector<std::string> texts;
  for (const KernelReport& report : reports.All()) texts.push_back(report.Text());
  return texts;
}

TEST(KernelReports, OfAWarningWithWhoCalled) {
  EXPECT_THAT(
      Complaints(R"(------------[ cut here ]------------
WARNING: net/core/page_pool.c:1181 at page_pool_disable_direct_recycling+0x45/0x60, CPU#0: zcrx_tests/53
Modules linked in: bnxt_en virtiofs
CPU: 0 UID: 0 PID: 53 Comm: zcrx_tests Not tainted 7.3.4 #1 PREEMPT(lazy)
RIP: 0010:page_pool_disable_direct_recycling+0x45/0x60
Code: 48 8b 47 08 a8 01 74 0a 0f 0b <0f> 0b c3
RSP: 0018:ffffc900004bfb50 EFLAGS: 00010246
Call Trace:
 <TASK>
 page_pool_destroy+0x23/0x1a0
 ? __pfx_page_pool_destroy+0x10/0x10
 bnxt_queue_stop+0x81/0x120 [bnxt_en]
 netdev_rx_queue_restart+0x11b/0x1d0
 __netif_mp_open_rxq+0xd3/0x180
 io_register_zcrx+0x4f1/0x6c0
 __do_sys_io_uring_register+0x21b/0x9e0
 </TASK>
---[ end trace 0000000000000000 ]---
eth1: transmit timed out)"),
      ElementsAre("WARNING: net/core/page_pool.c:1181 at "
                  "page_pool_disable_direct_recycling+0x45/0x60, CPU#0: zcrx_tests/53: called "
                  "from page_pool_destroy+0x23/0x1a0, bnxt_queue_stop+0x81/0x120 [bnxt_en], "
                  "netdev_rx_queue_restart+0x11b/0x1d0, __netif_mp_open_rxq+0xd3/0x180",
                  "eth1: transmit timed out"));
}

// __warn() prints the text behind the line on x86 since 6.19, before it elsewhere and earlier.
TEST(KernelReports, OfAWarningWithItsText) {
  EXPECT_THAT(
      Complaints(R"(------------[ cut here ]------------
WARNING: kernel/dma/debug.c:1226 at check_sg_segment+0x1f1/0x220, CPU#1: zcrx_tests/99
DMA-API: gve 0000:00:05.0: mapping sg segment longer than device claims to support [len=33554432] [max=65536]
Modules linked in:
CPU: 1 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
Call Trace:
 <TASK>
 debug_dma_map_sg+0xd3/0x3c0
 __dma_map_sg_attrs+0xa1/0x110
 </TASK>
---[ end trace 0000000000000000 ]---
DMA-API: Mapped at:
 debug_dma_map_sg+0x1f/0x3c0)"),
      ElementsAre("WARNING: kernel/dma/debug.c:1226 at check_sg_segment+0x1f1/0x220, CPU#1: "
                  "zcrx_tests/99; DMA-API: gve 0000:00:05.0: mapping sg segment longer than "
                  "device claims to support [len=33554432] [max=65536]: called from "
                  "debug_dma_map_sg+0xd3/0x3c0, __dma_map_sg_attrs+0xa1/0x110"));
  EXPECT_THAT(
      Complaints(R"(------------[ cut here ]------------
ODEBUG: free active (active state 0) object: ffff88800f1c1a40 object type: timer_list hint: bnxt_timer+0x0/0x3a0
WARNING: CPU: 0 PID: 10 at lib/debugobjects.c:612 debug_print_object+0x17a/0x1f0
Modules linked in:
Call Trace:
 <TASK>
 debug_check_no_obj_freed+0x302/0x4f0
 kfree+0x1ab/0x470
 </TASK>
---[ end trace 0000000000000000 ]---)"),
      ElementsAre("ODEBUG: free active (active state 0) object: ffff88800f1c1a40 object type: "
                  "timer_list hint: bnxt_timer+0x0/0x3a0; WARNING: CPU: 0 PID: 10 at "
                  "lib/debugobjects.c:612 debug_print_object+0x17a/0x1f0: called from "
                  "debug_check_no_obj_freed+0x302/0x4f0, kfree+0x1ab/0x470"));
  EXPECT_THAT(Complaints(R"(------------[ cut here ]------------
DEBUG_LOCKS_WARN_ON(lock->magic != lock)
WARNING: CPU: 0 PID: 53 at kernel/locking/mutex.c:573 __mutex_lock+0x9b1/0xcf0)"),
              ElementsAre("DEBUG_LOCKS_WARN_ON(lock->magic != lock); WARNING: CPU: 0 PID: 53 at "
                          "kernel/locking/mutex.c:573 __mutex_lock+0x9b1/0xcf0"));
}

// All of KASAN's lines are errors, name tasks, and have traces of others behind the first.
TEST(KernelReports, OfKasan) {
  EXPECT_THAT(Complaints(R"(==================================================================
BUG: KASAN: slab-use-after-free in io_zcrx_put+0x12/0x40
Read of size 8 at addr ffff88810a3b4c00 by task irq/45-eth1-TxR/87

CPU: 0 UID: 0 PID: 87 Comm: irq/45-eth1-TxR Not tainted 7.3.4 #1 PREEMPT(lazy)
Hardware name: QEMU Standard PC (i440FX + PIIX, 1996)
Call Trace:
 <TASK>
 dump_stack_lvl+0x53/0x70
 print_report+0xce/0x630
 ? __virt_addr_valid+0xf3/0x1b0
 kasan_report+0xce/0x100
 ? io_zcrx_put+0x12/0x40
 io_zcrx_put+0x12/0x40
 io_unregister_zcrx+0x5b/0x90
 io_ring_ctx_free+0x12a/0x5c0
 io_ring_exit_work+0x5d1/0xa20
 process_one_work+0x5a1/0xff0
 worker_thread+0x7a1/0xd60
 </TASK>

Allocated by task 87:
 kasan_save_stack+0x33/0x60
 io_register_zcrx+0x1a1/0x9e0

Freed by task 87:
 kfree+0x121/0x3a0

The buggy address belongs to the physical page:
page: refcount:0 mapcount:0 mapping:0000000000000000 index:0x0 pfn:0x10a3b4
page_owner tracks the page as allocated
page last allocated via order 0, migratetype Unmovable, gfp_mask 0x2cc0, pid 1, tgid 1 (init), ts 1
 post_alloc_hook+0x11a/0x160
page last free pid 1 tgid 1 stack trace:
 __free_frozen_pages+0x6b1/0x1050

Memory state around the buggy address:
 ffff88810a3b4b00: fb fb fb fb fb fb fb fb fb fb fb fb fb fb fb fb
>ffff88810a3b4c00: fa fb fb fb fb fb fb fb fb fb fb fb fb fb fb fb
                   ^
==================================================================
Disabling lock debugging due to kernel taint
bnxt_en: cannot allocate memory)"),
              ElementsAre("BUG: KASAN: slab-use-after-free in io_zcrx_put+0x12/0x40: called from "
                          "io_unregister_zcrx+0x5b/0x90, io_ring_ctx_free+0x12a/0x5c0, "
                          "io_ring_exit_work+0x5d1/0xa20, process_one_work+0x5a1/0xff0",
                          "bnxt_en: cannot allocate memory"));
}

TEST(KernelReports, OfKcsan) {
  EXPECT_THAT(
      Complaints(R"(==================================================================
BUG: KCSAN: data-race in io_zcrx_return_niov / io_zcrx_refill

write to 0xffff88800f1c1a40 of 4 bytes by interrupt on cpu 0:
 io_zcrx_return_niov+0x51/0x90
 page_pool_put_unrefed_netmem+0x1b3/0x350

read to 0xffff88800f1c1a40 of 4 bytes by task 99 on cpu 1:
 io_zcrx_refill+0x2f/0x1d0

value changed: 0x00000001 -> 0x00000002

Reported by Kernel Concurrency Sanitizer on:
CPU: 1 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
==================================================================)"),
      ElementsAre("BUG: KCSAN: data-race in io_zcrx_return_niov / io_zcrx_refill: called from "
                  "io_zcrx_return_niov+0x51/0x90, page_pool_put_unrefed_netmem+0x1b3/0x350"));
}

TEST(KernelReports, OfKfence) {
  EXPECT_THAT(Complaints(R"(==================================================================
BUG: KFENCE: use-after-free read in bnxt_rx_pkt+0x5a1/0x1f20 [bnxt_en]

Use-after-free read at 0x00000000a3b4c001 (in kfence-#23):
 bnxt_rx_pkt+0x5a1/0x1f20 [bnxt_en]
 __bnxt_poll_work+0x1c2/0x3e0 [bnxt_en]

kfence-#23: 0x00000000a3b4c000-0x00000000a3b4c03f, size=64, cache=kmalloc-64

allocated by task 99 on cpu 0 at 12.345678s (0.000123s ago):
 bnxt_alloc_mem+0x23/0x40 [bnxt_en]

CPU: 0 UID: 0 PID: 0 Comm: swapper/0 Not tainted 7.3.4 #1
==================================================================)"),
              ElementsAre("BUG: KFENCE: use-after-free read in bnxt_rx_pkt+0x5a1/0x1f20 [bnxt_en]: "
                          "called from __bnxt_poll_work+0x1c2/0x3e0 [bnxt_en]"));
}

TEST(KernelReports, OfUbsan) {
  EXPECT_THAT(
      Complaints(R"(------------[ cut here ]------------
UBSAN: array-index-out-of-bounds in io_uring/zcrx.c:812:23
index 5 is out of range for type 'net_iov *[4]'
CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x53/0x70
 ubsan_epilogue+0x5/0x40
 __ubsan_handle_out_of_bounds.cold+0x46/0x4b
 io_zcrx_recv_frag+0x2b1/0x4c0
 __tcp_read_sock+0x15b/0x450
 </TASK>
---[ end trace ]---)"),
      ElementsAre("UBSAN: array-index-out-of-bounds in io_uring/zcrx.c:812:23; index 5 is out "
                  "of range for type 'net_iov *[4]': called from "
                  "io_zcrx_recv_frag+0x2b1/0x4c0, __tcp_read_sock+0x15b/0x450"));
}

// print_circular_bug(): the chain's traces come before that of the task.
TEST(KernelReports, OfLocksInTheWrongOrder) {
  EXPECT_THAT(Complaints(R"(
======================================================
WARNING: possible circular locking dependency detected
7.3.4 #1 Not tainted
------------------------------------------------------
zcrx_tests/99 is trying to acquire lock:
ffff88800f1c1a40 (&dev->lock){+.+.}-{4:4}, at: io_close_queue+0x5f/0x120
\x0abut task is already holding lock:
ffffffff83c1e5a8 (rtnl_mutex){+.+.}-{4:4}, at: io_close_queue+0x1f/0x120
\x0awhich lock already depends on the new lock.\x0a
\x0athe existing dependency chain (in reverse order) is:
\x0a-> #1 (rtnl_mutex){+.+.}-{4:4}:
       __lock_acquire+0x5b1/0x1b40
       __mutex_lock+0x1b1/0xcf0
       bnxt_fw_reset_task+0x1c1/0x6e0
\x0a-> #0 (&dev->lock){+.+.}-{4:4}:
       check_prev_add+0xeb/0xc90
       __mutex_lock+0x1b1/0xcf0
\x0aother info that might help us debug this:\x0a
 *** DEADLOCK ***\x0a
\x0astack backtrace:
CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x6f/0xb0
 print_circular_bug.cold+0x178/0x1be
 check_noncircular+0x146/0x160
 __lock_acquire+0x13b1/0x1b40
 lock_acquire+0xd1/0x2f0
 __mutex_lock+0x1b1/0xcf0
 io_close_queue+0x5f/0x120
 </TASK>)"),
              ElementsAre("WARNING: possible circular locking dependency detected: called from "
                          "__mutex_lock+0x1b1/0xcf0, io_close_queue+0x5f/0x120"));
}

TEST(KernelReports, OfLockdepsOther) {
  for (const std::string head : {
           "WARNING: possible recursive locking detected",
           "WARNING: inconsistent lock state",
           "WARNING: suspicious RCU usage",
           "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected",
           "WARNING: bad unlock balance detected!",
           "[ BUG: Invalid wait context ]",
           "INFO: trying to register non-static key.",
           "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:591",
       }) {
    EXPECT_THAT(Complaints("=============================\n" + head +
                           "\n7.3.4 #1 Not tainted\n-----------------------------\n"
                           "in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 99, name: zcrx\n"
                           "INFO: lockdep is turned off.\n"
                           "CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1\n"
                           "Call Trace:\n <TASK>\n dump_stack_lvl+0x6f/0xb0\n"
                           " lockdep_rcu_suspicious+0x14f/0x1c0\n f+0x1/0x2\n </TASK>"),
                ElementsAre(head + ": called from f+0x1/0x2"));
  }
}

// __slab_bug() and object_err() in mm/slub.c: the WARNING is for its trace.
TEST(KernelReports, OfSlab) {
  EXPECT_THAT(
      Complaints(R"(=============================================================================
BUG kmalloc-64 (Not tainted): Poison overwritten
-----------------------------------------------------------------------------

[Poison overwritten] 0xffff88800f1c1a40-0xffff88800f1c1a43 @offset=2624. First byte 0x0 instead of 0x6b
Allocated in io_register_zcrx+0x1a1/0x9e0 age=12 cpu=0 pid=99
 __kmalloc_cache_noprof+0x2a1/0x3b0
 io_register_zcrx+0x1a1/0x9e0
Slab 0xffffea00003c7040 objects=32 used=1 fp=0xffff88800f1c1a40 flags=0x4000000000000200
Object   ffff88800f1c1a40: 00 00 00 00 6b 6b 6b 6b  ....kkkk
------------[ cut here ]------------
WARNING: mm/slub.c:1256 at object_err.cold+0x5/0x1d, CPU#0: zcrx_tests/99
CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Tainted: G    B
Call Trace:
 <TASK>
 check_object+0x1a1/0x2c0
 alloc_debug_processing+0x8b/0x170
 ___slab_alloc+0x4f1/0xa30
 </TASK>
---[ end trace 0000000000000000 ]---
FIX kmalloc-64: Restoring Poison 0xffff88800f1c1a40-0xffff88800f1c1a43=0x6b)"),
      ElementsAre("BUG kmalloc-64 (Not tainted): Poison overwritten; WARNING: mm/slub.c:1256 at "
                  "object_err.cold+0x5/0x1d, CPU#0: zcrx_tests/99: called from "
                  "alloc_debug_processing+0x8b/0x170, ___slab_alloc+0x4f1/0xa30"));
}

// bad_page() in mm/page_alloc.c.
TEST(KernelReports, OfAPageThatIsFreedTooEarly) {
  EXPECT_THAT(
      Complaints(R"(BUG: Bad page state in process zcrx_tests  pfn:10a3b
page: refcount:0 mapcount:0 mapping:0000000000000000 index:0x0 pfn:0x10a3b
flags: 0x4000000000000000(zone=1)
raw: 4000000000000000 dead000000000040 ffff88800d3f6000 0000000000000000
page dumped because: page_pool leak
page_owner tracks the page as allocated
page last allocated via order 0, migratetype Unmovable, gfp_mask 0x2820(GFP_ATOMIC), pid 9
 post_alloc_hook+0x11a/0x160
 page_pool_alloc_netmems+0x1c1/0x3a0
page_owner free stack trace missing
Modules linked in: bnxt_en
CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x53/0x70
 bad_page+0x71/0x100
 __free_frozen_pages+0x6b1/0x1050
 skb_release_data+0x1a1/0x2f0
 </TASK>)"),
      ElementsAre("BUG: Bad page state in process zcrx_tests  pfn:10a3b; page dumped because: "
                  "page_pool leak: called from __free_frozen_pages+0x6b1/0x1050, "
                  "skb_release_data+0x1a1/0x2f0"));
  EXPECT_THAT(Complaints("page_owner tracks the page as allocated\n"
                         "page last allocated via order 0, migratetype Unmovable\n"
                         " post_alloc_hook+0x11a/0x160\n gve_alloc_page+0x1c/0x3a"),
              ElementsAre("page_owner tracks the page as allocated: called from "
                          "post_alloc_hook+0x11a/0x160, gve_alloc_page+0x1c/0x3a"));
}

// An oops has two first lines, and names its function in the register dump alone.
TEST(KernelReports, OfAnOops) {
  const std::string rest = R"(#PF: supervisor read access in kernel mode
Oops: Oops: 0000 [#1] SMP
CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
RIP: 0010:gve_rx_poll_dqo+0x1f1/0x4a0 [gve]
Call Trace:
 <IRQ>
 gve_napi_poll_dqo+0x71/0x130 [gve]
 </IRQ>
---[ end trace 0000000000000000 ]---
RIP: 0010:gve_rx_poll_dqo+0x1f1/0x4a0 [gve])";
  EXPECT_THAT(
      Complaints("BUG: kernel NULL pointer dereference, address: 0000000000000008\n" + rest),
      ElementsAre(
          "BUG: kernel NULL pointer dereference, address: 0000000000000008; Oops: Oops: 0000 "
          "[#1] SMP in gve_rx_poll_dqo+0x1f1/0x4a0: called from "
          "gve_napi_poll_dqo+0x71/0x130 [gve]"));
  EXPECT_THAT(
      Complaints("list_del corruption. prev->next should be ffff88800f1c1a40, but was 0\n"
                 "------------[ cut here ]------------\nkernel BUG at lib/list_debug.c:62!\n" +
                 rest),
      ElementsAre(
          "list_del corruption. prev->next should be ffff88800f1c1a40, but was 0; kernel BUG "
          "at lib/list_debug.c:62!; #PF: supervisor read access in kernel mode; Oops: Oops: "
          "0000 [#1] SMP in gve_rx_poll_dqo+0x1f1/0x4a0: called from "
          "gve_napi_poll_dqo+0x71/0x130 [gve]"));
}

TEST(KernelReports, OfSeveralAreSeveral) {
  EXPECT_THAT(
      Complaints(R"(page_pool_release_retry() stalled pool shutdown: id 7, 1 inflight 60 sec
page_pool_release_retry() stalled pool shutdown: id 8, 2 inflight 60 sec
eth1: transmit timed out
INFO: task kworker/0:1:10 blocked for more than 120 seconds.
      Not tainted 7.3.4 #1
task:kworker/0:1     state:D stack:0     pid:10    tgid:10    ppid:2
Call Trace:
 <TASK>
 __schedule+0x3d1/0x1250
 schedule+0x23/0xa0
 io_ring_exit_work+0x1/0x2
 </TASK>
INFO: task zcrx_tests:99 blocked in I/O wait for more than 120 seconds.)"),
      ElementsAre("page_pool_release_retry() stalled pool shutdown: id 7, 1 inflight 60 sec",
                  "page_pool_release_retry() stalled pool shutdown: id 8, 2 inflight 60 sec",
                  "eth1: transmit timed out",
                  "INFO: task kworker/0:1:10 blocked for more than 120 seconds.: called from "
                  "io_ring_exit_work+0x1/0x2",
                  "INFO: task zcrx_tests:99 blocked in I/O wait for more than 120 seconds."));
}

TEST(KernelReports, OfHangsAndOfTheDevice) {
  for (const std::string text : {
           "Oops: general protection fault, probably for non-canonical address: 0000 [#1] SMP",
           "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [zcrx_tests:99]",
           "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
           "bnxt_en 0000:00:05.0 eth1: transmit timed out",
       }) {
    EXPECT_THAT(Complaints(text), ElementsAre(text));
  }
}

// dev_err() leaves the device's name; no report does.
TEST(KernelReports, EndWhereADeviceSpeaks) {
  KernelReports reports(kSubject);
  reports.Take({.level = 3, .text = "BUG: scheduling while atomic: swapper/0/0/0x00000100"});
  reports.Take(
      {.level = 3, .text = "bnxt_en 0000:00:05.0 eth1: hwrm error", .device = "+pci:0000:00:05.0"});
  ASSERT_EQ(reports.All().size(), 2);
  EXPECT_EQ(reports.All().back().Text(), "bnxt_en 0000:00:05.0 eth1: hwrm error");
}

TEST(KernelReports, AreNotInjectedFaultsNorLinesOfPrograms) {
  // fail_dump() in lib/fault-inject.c, warn_alloc() in mm/page_alloc.c
  EXPECT_THAT(Complaints(R"(FAULT_INJECTION: forcing a failure.
name failslab, interval 1, probability 0, space 0, times 1
CPU: 0 UID: 0 PID: 99 Comm: zcrx_tests Not tainted 7.3.4 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x53/0x70
 should_fail_ex+0x141/0x160
 io_register_zcrx+0x1a1/0x9e0
 </TASK>
zcrx_tests: page allocation failure: order:0, mode:0xdc0(GFP_KERNEL|__GFP_ZERO)
page_owner tracks the page as freed
INFO: lockdep is turned off.)"),
              IsEmpty());
  KernelReports reports(kSubject);
  reports.Take({.level = 3, .by_kernel = false, .text = "WARNING: eth1 is what a program says"});
  EXPECT_THAT(reports.All(), IsEmpty());
}

}  // namespace
}  // namespace zcrx
