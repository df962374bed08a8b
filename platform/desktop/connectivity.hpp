#pragma once

#include "platform/platform.hpp"

namespace dudao {

/// Linux: there is a link if the kernel has a default route, or any interface but loopback that is up and has an
/// address of more than the link alone (an office in the same house needs no default route). The kernel does not know
/// what a link costs, so the user says it. Thread-safe.
class DesktopConnectivity final : public Connectivity {
 public:
  explicit DesktopConnectivity(bool metered) : metered_(metered) {}
  Link link() override;

 private:
  bool metered_;
};

/// True if one of the kernel's tables (the texts of /proc/net/route and /proc/net/ipv6_route) has a default route that
/// is up and leads somewhere. Lines that cannot be read count as no route.
bool has_default_route(std::string_view ipv4, std::string_view ipv6);

}  // namespace dudao
