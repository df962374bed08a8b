#include "platform/desktop/desktop.hpp"

#include "platform/desktop/clock.hpp"
#include "platform/desktop/files.hpp"

namespace dudao {
namespace {

class Machine final : public DesktopPlatform {
 public:
  explicit Machine(bool metered) : connectivity_(metered) {}
  Platform view() override { return {clock_, *keys_, files_, connectivity_, *http_, *log_}; }

  Status open(DesktopOptions options) {
    DUDAO_TRY(keys_, DesktopKeyStore::open(std::move(options.keys)));
    DUDAO_TRY(http_, make_http_client(options.http));
    DUDAO_TRY(log_, DesktopLog::open(std::move(options.log), clock_));
    return {};
  }

 private:
  DesktopClock clock_;
  DesktopFiles files_;
  DesktopConnectivity connectivity_;
  std::unique_ptr<DesktopKeyStore> keys_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<DesktopLog> log_;
};

}  // namespace

Result<std::unique_ptr<DesktopPlatform>> open_desktop_platform(DesktopOptions options) {
  auto machine = std::make_unique<Machine>(options.metered);
  DUDAO_CHECK(machine->open(std::move(options)));
  return machine;
}

}  // namespace dudao
