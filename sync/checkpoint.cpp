#include "sync/checkpoint.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace dudao {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";
constexpr std::uint8_t kEd25519Type = 1;
constexpr std::size_t kMaxNoteBytes = 16'384;

/// signed-note: SHA-256(name ‖ 0x0A ‖ type ‖ key), first four bytes.
Bytes note_key_id(std::string_view name, const PublicKey& key) {
  const std::uint8_t middle[] = {0x0a, kEd25519Type};
  const Hash hash = sha256({view(name), BytesView(middle), key.raw()});
  return {hash.begin(), hash.begin() + 4};
}

std::string body(const Checkpoint& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" + to_base64(checkpoint.root) + "\n";
}

std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const PublicKey& key, const Signer& signer) {
  const std::string text = body(checkpoint);
  DUDAO_TRY(const Bytes signature, signer(view(text)));
  Bytes blob = note_key_id(checkpoint.origin, key);
  append(blob, signature);
  return text + "\n" + std::string(kDash) + checkpoint.origin + " " + to_base64(blob) + "\n";
}

Result<Checkpoint> open_checkpoint(std::string_view note, std::string_view origin, const PublicKey& key) {
  if (note.size() > kMaxNoteBytes || !is_utf8(view(note))) return fail(Code::kCheckpointForm);
  std::string_view rest = note;
  std::array<std::string_view, 3> lines;  // What stands below them is signed, too, and not ours to understand.
  for (std::size_t n = 0;; ++n) {
    const auto line = take_line(rest);
    if (!line) return fail(Code::kCheckpointForm);
    if (line->empty()) break;
    if (n < lines.size()) lines[n] = *line;
  }
  const std::string_view signed_text = note.substr(0, note.size() - rest.size() - 1);
  const std::string_view name = lines[0];
  const std::string_view size_line = lines[1];
  if (name != origin) return fail(Code::kCheckpointOrigin, std::string(name));
  Checkpoint out;
  out.origin = name;
  std::from_chars(size_line.data(), size_line.data() + size_line.size(), out.size);
  const auto decoded = from_base64(lines[2]);
  const auto root = decoded ? to_array<32>(*decoded) : std::nullopt;
  // Written again it must be the line: what was not taken, or not all of it, is not.
  const std::string size_again = std::to_string(out.size);
  if (out.size < 0 || size_again != size_line || !root) return fail(Code::kCheckpointForm);
  out.root = *root;

  const Bytes id = note_key_id(origin, key);
  if (rest.empty()) return fail(Code::kCheckpointForm);
  bool signed_by_key = false;
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (!line || !line->starts_with(kDash)) return fail(Code::kCheckpointForm);
    const std::string_view entry = line->substr(kDash.size());
    const std::size_t space = entry.find(' ');
    if (space == std::string_view::npos) return fail(Code::kCheckpointForm);
    const auto blob = from_base64(entry.substr(space + 1));
    if (!blob || blob->size() < 5) return fail(Code::kCheckpointForm);
    if (entry.substr(0, space) != origin || !std::equal(id.begin(), id.end(), blob->begin())) continue;
    if (!key.verify(view(signed_text), BytesView(*blob).subspan(4))) return fail(Code::kCheckpointSignature);
    signed_by_key = true;
  }
  if (!signed_by_key) return fail(Code::kCheckpointSignature);
  return out;
}

}  // namespace dudao
