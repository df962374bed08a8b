#pragma once

/// A document for paper: what stands on it, in order, and the hash that proves it. It knows nothing of visits
/// (schema/visit_documents.hpp makes it from their rows) and nothing of pages (schema/document_html.hpp and the
/// office's PDF draw it). The hash is over the content as schema/DOCUMENT.md says, so that the same document has the
/// same hash wherever it is made and however it is drawn. Pure, any thread.

#include "platform/bytes.hpp"
#include "platform/variant.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dudao {

enum class DocumentKind : std::uint8_t {
  kFeedback = 1,  ///< 现场反馈单, made on the spot
  kNotice,        ///< 整改通知书
  kOpinion,       ///< 督导意见书
  kReport,        ///< 督导报告
};
/// "feedback", "notice", "opinion", "report". Static storage.
std::string_view to_string(DocumentKind kind) noexcept;
std::optional<DocumentKind> document_kind_from(std::string_view name) noexcept;
/// The kind's title: "整改通知书", "Rectification notice". Static storage.
std::string_view document_title(DocumentKind kind, bool chinese) noexcept;

/// "栖教督整〔2026〕12号": the unit's word, the kind's (反, 整, 意, 报), year and running number.
std::string document_number(std::string_view unit_word, DocumentKind kind, std::int64_t year, std::int64_t running);

/// A heading of the first level; whoever makes the document numbers it.
struct Heading {
  std::string text;
};
/// Each line is a paragraph of its own.
struct Paragraph {
  std::string text;
};
/// Names and values side by side.
struct Facts {
  std::vector<std::pair<std::string, std::string>> rows;
};
struct Grid {
  struct Column {
    std::string label;
    // How it looks is no content.
    int share = 1;  ///< of the width, beside the others'
    bool centred = false;
  };
  std::vector<Column> columns;
  /// Each with a cell for every column, or with a single one that takes the whole width.
  std::vector<std::vector<std::string>> rows;
};
/// A line to sign on, with what happened there.
struct SignatureLine {
  std::string label;    ///< whose line it is: "校长"
  std::string name;     ///< as written; may be empty
  std::string outcome;  ///< in words: "已签字", "拒绝签字"; empty where it is to be signed on paper
  std::string remark;   ///< witness, reason, time
  Bytes strokes;        ///< as table signature holds them; empty without
};
/// Who issues it and the day, at the end of a letter.
struct Closing {
  std::string issuer;
  std::string date;
};
using Block = Variant<Heading, Paragraph, Facts, Grid, SignatureLine, Closing>;

/// What stands above the first block.
struct DocumentHead {
  DocumentKind kind = DocumentKind::kFeedback;
  bool chinese = true;  ///< the language that it is written in; else English
  std::string number;
  std::string issuer;     ///< in the head of the first page; empty for none
  std::string title;      ///< "栖霞县教育督导现场反馈单"
  std::string addressee;  ///< empty for none
  std::string date;       ///< the day, YYYY-MM-DD
};

/// Whatever is put in is text that can be printed: `\r\n` becomes `\n`, a tab a space, and U+FFFD stands for every
/// other control character, for those that turn the direction of text around unseen, and for bytes that are no UTF-8.
class Document {
 public:
  explicit Document(DocumentHead head);

  void heading(std::string_view text);
  void paragraph(std::string_view text);  ///< nothing when empty
  void facts(const Facts& facts);         ///< leaves out rows without a value
  void grid(Grid grid);
  void signature(SignatureLine line);
  void closing(Closing closing);

  const DocumentHead& head() const noexcept { return head_; }
  const std::vector<Block>& blocks() const noexcept { return blocks_; }

  /// The canonical form of schema/DOCUMENT.md.
  std::string canonical() const;
  /// SHA-256 of it.
  Hash hash() const;

 private:
  DocumentHead head_;
  std::vector<Block> blocks_;
};

/// What a device puts in a printed document so that a camera reads it back: "DUDAO-DOCUMENT-1|hash|number".
std::string qr_text(const Document& document);

/// A QR code without its quiet zone of four modules.
struct QrCode {
  int size = 0;            ///< modules in a row
  std::vector<bool> dark;  ///< row by row
  bool at(int x, int y) const {
    return dark[static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x)];
  }
};
/// Level M of ISO/IEC 18004. REQUIRES: at most 2,000 bytes.
QrCode qr_code(std::string_view text);

/// The drawn lines of a signature.
struct Strokes {
  struct Point {
    int x = 0;
    int y = 0;  ///< downwards
  };
  std::vector<std::vector<Point>> lines;
  int left = 0, top = 0, right = 0, bottom = 0;  ///< what they span
};
/// Reads "x,y;x,y/x,y;…": points of a line joined by ';', lines by '/'; whole numbers from -100,000 to 100,000. Nothing
/// where the bytes are something else, as other programs may have drawn them otherwise.
std::optional<Strokes> read_strokes(BytesView strokes);

/// "2026年3月2日", "2 March 2026".
std::string day_in_words(std::int64_t day, bool chinese);

}  // namespace dudao
