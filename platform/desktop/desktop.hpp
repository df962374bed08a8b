#pragma once

#include "platform/desktop/connectivity.hpp"
#include "platform/desktop/http.hpp"
#include "platform/desktop/key_store.hpp"
#include "platform/desktop/log.hpp"
#include "platform/platform.hpp"

#include <memory>

namespace dudao {

struct DesktopOptions {
  KeyStoreOptions keys = {};
  HttpOptions http = {};
  LogOptions log = {};
  bool metered = false;  ///< the user pays by the byte; see Connectivity::Link
};

/// An ordinary Linux machine with everything that the core asks for. Thread rules are those of the interfaces.
class DesktopPlatform {
 public:
  virtual ~DesktopPlatform() = default;
  /// Valid as long as this object. Its HTTP client belongs to one thread at a time.
  virtual Platform view() = 0;
};

/// Reads the options, makes nothing but the log file and talks to nobody. Errors: kMachineSecretUnsafe, kHttpSettings,
/// file errors.
Result<std::unique_ptr<DesktopPlatform>> open_desktop_platform(DesktopOptions options);

}  // namespace dudao
