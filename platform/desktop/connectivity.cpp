#include "platform/desktop/connectivity.hpp"

#include "platform/desktop/files.hpp"

#include <charconv>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace dudao {
namespace {

// From the kernel's <linux/route.h>.
constexpr unsigned kRouteUp = 0x0001;
constexpr unsigned kRouteReject = 0x0200;

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (true) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return found;
    const auto end = std::min(line.find_first_of(" \t", begin), line.size());
    found.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

bool leads_somewhere(std::string_view flags_hex) {
  unsigned flags = 0;
  const auto [end, error] = std::from_chars(flags_hex.data(), flags_hex.data() + flags_hex.size(), flags, 16);
  return error == std::errc() && end == flags_hex.data() + flags_hex.size() && (flags & kRouteUp) != 0 &&
         (flags & kRouteReject) == 0;
}

bool all_zero(std::string_view hex) { return !hex.empty() && hex.find_first_not_of('0') == std::string_view::npos; }

template <class Test>
bool any_line(std::string_view table, Test test) {
  while (!table.empty()) {
    const auto end = std::min(table.find('\n'), table.size());
    if (test(words(table.substr(0, end)))) return true;
    table.remove_prefix(std::min(end + 1, table.size()));
  }
  return false;
}

bool reaches_beyond_link(const sockaddr* address) {
  if (!address) return false;
  if (address->sa_family == AF_INET) return true;
  if (address->sa_family != AF_INET6) return false;
  return !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

bool any_interface_up() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* one = list; one; one = one->ifa_next) {
    const bool up = (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_RUNNING) != 0;
    if (up && (one->ifa_flags & IFF_LOOPBACK) == 0 && reaches_beyond_link(one->ifa_addr)) return true;
  }
  return false;
}

std::string table(const char* path) {
  const auto content = DesktopFiles().read(path, 4u << 20);
  return content ? std::string(text(*content)) : std::string();
}

}  // namespace

bool has_default_route(std::string_view ipv4, std::string_view ipv6) {
  // Iface Destination Gateway Flags RefCnt Use Metric Mask …
  const auto ipv4_default = [](const std::vector<std::string_view>& row) {
    return row.size() >= 8 && all_zero(row[1]) && all_zero(row[7]) && leads_somewhere(row[3]);
  };
  // destination length source length gateway metric refcnt use flags device
  const auto ipv6_default = [](const std::vector<std::string_view>& row) {
    return row.size() >= 10 && all_zero(row[0]) && all_zero(row[1]) && leads_somewhere(row[8]) && row[9] != "lo";
  };
  return any_line(ipv4, ipv4_default) || any_line(ipv6, ipv6_default);
}

Connectivity::Link DesktopConnectivity::link() {
  if (!has_default_route(table("/proc/net/route"), table("/proc/net/ipv6_route")) && !any_interface_up())
    return Link::kNone;
  return metered_ ? Link::kMetered : Link::kUnmetered;
}

}  // namespace dudao
