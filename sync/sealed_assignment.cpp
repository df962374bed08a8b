#include "sync/sealed_assignment.hpp"

#include "platform/crypto.hpp"
#include "sync/cbor.hpp"

namespace dudao {
namespace {

constexpr std::string_view kSigns = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kCodeSigns = kSealCodeBytes * 8 / 5;

Bytes context_of(const SealedFor& whom) {
  CborWriter out;
  out.array(4);
  out.text("dudao sealed assignment 1");
  out.bytes(whom.visit);
  out.text(whom.inspector);
  out.integer(whom.unseal_at_utc_ms);
  return to_bytes(out.written());
}

/// What opens the body: the code is as long as people can read out, a key has to be longer.
Hash key_of(BytesView code) { return hmac_sha256(code, view(std::string_view("dudao seal key 1"))); }

}  // namespace

Bytes seal_code(BytesView secret, BytesView visit) {
  Bytes message = to_bytes(view(std::string_view("dudao seal code 1")));
  append(message, visit);
  const Hash mac = hmac_sha256(secret, message);
  return to_bytes(BytesView(mac).first(kSealCodeBytes));
}

std::string seal_code_text(BytesView code) {
  std::string out;
  std::uint32_t pending = 0;
  int bits = 0;
  for (const std::uint8_t byte : code) {
    pending = pending << 8U | byte;
    for (bits += 8; bits >= 5; bits -= 5) {
      if (out.size() % 5 == 4) out += '-';
      out += kSigns[pending >> (bits - 5) & 31U];
    }
  }
  return out;
}

std::optional<Bytes> seal_code_from(std::string_view typed) {
  Bytes out;
  std::uint32_t pending = 0;
  int bits = 0;
  std::size_t signs = 0;
  for (char sign : typed) {
    if (sign == ' ' || sign == '-') continue;
    if (sign >= 'a' && sign <= 'z') sign = static_cast<char>(sign - 'a' + 'A');
    if (sign == 'O') sign = '0';
    if (sign == 'I' || sign == 'L') sign = '1';
    const std::size_t at = kSigns.find(sign);
    if (at == std::string_view::npos || ++signs > kCodeSigns) return std::nullopt;
    pending = (pending << 5U | static_cast<std::uint32_t>(at)) & 0xFFFU;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(pending >> bits));
  }
  return signs == kCodeSigns ? std::optional(std::move(out)) : std::nullopt;
}

Bytes seal_assignment(BytesView code, const SealedFor& whom, const Changes& rows) {
  CborWriter out;
  write_changes(out, rows);
  return seal(key_of(code), out.written(), context_of(whom));
}

Result<ChangesBuilder> open_assignment(BytesView code, const SealedFor& whom, BytesView body) {
  const auto plain = open_sealed(key_of(code), body, context_of(whom));
  if (!plain) return fail(Code::kUnsealCode);
  CborReader in(*plain);
  DUDAO_TRY(const Changes rows, read_changes(in));
  ChangesBuilder out;
  for (const TableChanges& table : rows.tables) {
    for (std::size_t n = 0; n < table.inserted_rows(); ++n) {
      std::vector<Value> cells;
      for (const ValueView& cell : table.row(n)) cells.push_back(to_value(cell));
      out.insert(table.table->name, std::move(cells));
    }
  }
  return out;
}

}  // namespace dudao
