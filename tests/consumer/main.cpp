// Uses one thing of each installed module, through the headers as they were installed.
#include "agent/agent.hpp"
#include "platform/error.hpp"
#include "schema/sqlite.hpp"
#include "schema/tables.hpp"
#include "sync/cbor.hpp"
#include "sync/office/store.hpp"

#include <iostream>

int main() {
  const auto database = dudao::Database::open(":memory:", dudao::Database::Mode::kOpenOrCreate, 1);
  if (!database) {
    std::cerr << database.error().message() << '\n';
    return 1;
  }
  dudao::CborWriter writer;
  writer.array(1);
  writer.integer(static_cast<std::int64_t>(dudao::synced_tables().size()));
  std::cout << dudao::to_hex(writer.written()) << ' ' << dudao::to_string(dudao::DeviceState::kRevoked) << ' '
            << dudao::agent_api().size() << ' ' << dudao::info(dudao::Code::kCancelled).english << '\n';
  return 0;
}
