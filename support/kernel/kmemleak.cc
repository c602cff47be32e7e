#include "support/kernel/kmemleak.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "support/base/files.h"
#include "support/base/unique_fd.h"
#include "support/kernel/call_trace.h"

namespace zcrx {
namespace {

constexpr size_t kLongestList = size_t{16} << 20;

// In the functions' names: io_uring/zcrx.c, net/core/page_pool*.c, net/core/netdev_rx_queue.c.
constexpr std::array<std::string_view, 4> kOurs = {"zcrx", "page_pool", "netdev_rx_queue",
                                                   "netif_mp_"};

// "bnxt_en" has functions like bnxt_open(), "mlx5_core" mlx5e_open() and mlx5_load(); enable_irq()
// is not of "ena".
bool IsOf(std::string_view driver, std::string_view function) {
  const std::string_view prefix = driver.substr(0, driver.find('_'));
  if (prefix.empty() || !function.starts_with(prefix)) return false;
  return function.substr(prefix.size(), 2).contains('_');
}

}  // namespace

std::string ScanForLeaks(Deadline deadline, const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.Valid()) return {};
  for (int scans = 0; scans < 2 || !deadline.Expired(); ++scans) {
    if (!WriteAll(fd.Get(), "scan", "scan for leaks")) return {};
  }
  return ReadLeaks(file);
}

std::string ReadLeaks(const std::filesystem::path& file) {
  return ReadFile(file, kLongestList).value_or("");
}

std::vector<std::string> LeaksOf(std::string_view list, std::string_view driver) {
  std::vector<std::string> leaks;
  std::string_view object;
  CallTrace trace;
  bool ours = false;
  const auto end = [&] {
    if (ours) leaks.push_back(fmt::format("{} called from {}", object, trace.Text({})));
    trace.Clear();
    ours = false;
  };
  for (const auto part : std::views::split(list, '\n')) {
    const std::string_view line(part);
    if (line.starts_with("unreferenced object")) {
      end();
      object = line;
    } else if (trace.Take(line)) {
      const std::string_view function = FunctionIn(Trimmed(line));
      ours = ours || IsOf(driver, function) ||
             std::ranges::any_of(kOurs, [&](auto name) { return function.contains(name); });
    }
  }
  end();
  return leaks;
}

}  // namespace zcrx
