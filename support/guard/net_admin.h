// CAP_NET_ADMIN, which whoever changes a NIC needs (capabilities(7)).
#pragma once

namespace zcrx {

bool HasNetAdmin();

// While it lives, programs that this process starts have CAP_NET_ADMIN where it has. A capability
// that a file grants (setcap) ends with exec otherwise; root's do not.
class LentNetAdmin {
 public:
  LentNetAdmin();
  LentNetAdmin(const LentNetAdmin&) = delete;
  LentNetAdmin& operator=(const LentNetAdmin&) = delete;
  ~LentNetAdmin();

 private:
  bool lent_ = false;
};

}  // namespace zcrx
