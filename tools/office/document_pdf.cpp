#include "tools/office/document_pdf.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <new>
#include <string_view>

#include <cairo-pdf.h>
#include <pango/pangocairo.h>

namespace dudao {
namespace {

// Lengths are points. Page and type area are those of GB/T 9704: 156 mm by 225 mm, text of 16 pt in lines of 28 pt.
constexpr double kMm = 72 / 25.4;
constexpr double kPageWidth = 210 * kMm;
constexpr double kPageHeight = 297 * kMm;
constexpr double kLeft = 28 * kMm;
constexpr double kTop = 37 * kMm;
constexpr double kWidth = 156 * kMm;
constexpr double kRight = kLeft + kWidth;
constexpr double kBottom = kPageHeight - 35 * kMm;
constexpr double kPad = 4;  ///< between a cell's text and its lines
constexpr double kRule = 0.6;
constexpr double kSignHeight = 17 * kMm;
constexpr double kQrSide = 30 * kMm;

constexpr const char* kSerif = "Noto Serif CJK SC";
constexpr const char* kSans = "Noto Sans CJK SC";

struct Style {
  const char* family;
  double size;
  double pitch;  ///< from line to line
  bool bold = false;
  double indent = 0;  ///< of a paragraph's first line
  bool justify = false;
  PangoAlignment align = PANGO_ALIGN_LEFT;
};
constexpr Style kText = {kSerif, 16, 28, false, 0, true};
constexpr Style kHeading = {kSans, 16, 28, true};
constexpr Style kCell = {kSerif, 10.5, 16};
constexpr Style kCellHead = {kSerif, 10.5, 16, true, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kCellMiddle = {kSerif, 10.5, 16, false, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kCellBold = {kSerif, 10.5, 16, true};
constexpr Style kTitle = {kSerif, 22, 36, true, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kIssuer = {kSerif, 26, 40, true, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kNumber = {kSerif, 14, 24, false, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kSmallNumber = {kSerif, 10.5, 18, false, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kSign = {kSerif, 12, 18};
constexpr Style kProof = {kSans, 9, 14};
constexpr Style kFolio = {kSerif, 12, 16, false, 0, false, PANGO_ALIGN_CENTER};
constexpr Style kFoot = {kSans, 7.5, 16};

template <class T>
struct Unref {
  void operator()(T* object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref<T>>;

struct DestroySurface {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct DestroyPen {
  void operator()(cairo_t* pen) const { cairo_destroy(pen); }
};

/// Text set in lines, of which the page takes as many as fit.
class Lines {
 public:
  Lines(PangoContext* context, const Style& style, std::string_view text, double width)
      : layout_(pango_layout_new(context)), pitch_(style.pitch) {
    const std::unique_ptr<PangoFontDescription, decltype(&pango_font_description_free)> font(
        pango_font_description_new(), &pango_font_description_free);
    pango_font_description_set_family(font.get(), style.family);
    pango_font_description_set_absolute_size(font.get(), style.size * PANGO_SCALE);
    pango_font_description_set_weight(font.get(), style.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    PangoLayout* const layout = layout_.get();
    pango_layout_set_font_description(layout, font.get());
    pango_layout_set_width(layout, pango_units_from_double(width));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_indent(layout, pango_units_from_double(style.indent));
    // Pango widens spaces only where there are any, which a line of Chinese with one or two of them does not bear.
    const bool spaced = style.indent > 0 && text.find(' ') != std::string_view::npos;
    pango_layout_set_justify(layout, style.justify && !spaced ? TRUE : FALSE);
    pango_layout_set_alignment(layout, style.align);
    pango_layout_set_auto_dir(layout, FALSE);
    // Never as markup: whatever a text says is printed as it stands.
    pango_layout_set_text(layout, text.data(), static_cast<int>(text.size()));
    const std::unique_ptr<PangoLayoutIter, decltype(&pango_layout_iter_free)> at(pango_layout_get_iter(layout),
                                                                                 &pango_layout_iter_free);
    do {
      PangoRectangle extents;
      pango_layout_iter_get_line_extents(at.get(), nullptr, &extents);
      const double height = pango_units_to_double(extents.height);
      const double baseline = pango_units_to_double(pango_layout_iter_get_baseline(at.get()) - extents.y);
      // Scripts that stand taller than Chinese get the room that they need.
      const double taken = std::max(pitch_, height > 1.6 * style.size ? height : 0);
      lines_.push_back({pango_layout_iter_get_line_readonly(at.get()), pango_units_to_double(extents.x), taken,
                        (taken - height) / 2 + baseline, pango_units_to_double(extents.width)});
    } while (pango_layout_iter_next_line(at.get()) != FALSE);
  }

  std::size_t size() const { return lines_.size(); }
  double pitch() const { return pitch_; }
  double height() const { return height(0, size()); }
  double height(std::size_t from, std::size_t to) const {
    double sum = 0;
    for (std::size_t i = from; i < to; ++i) sum += lines_[i].height;
    return sum;
  }
  double width() const {
    double widest = 0;
    for (const Line& line : lines_) widest = std::max(widest, line.width);
    return widest;
  }
  /// How many from this one on have room in `height`.
  std::size_t fitting(std::size_t from, double height) const {
    std::size_t count = 0;
    for (double sum = 0; from + count < size(); ++count) {
      sum += lines_[from + count].height;
      if (sum > height + 0.01) break;
    }
    return count;
  }
  void draw(cairo_t* pen, double x, double y, std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i < to; ++i) {
      cairo_move_to(pen, x + lines_[i].x, y + lines_[i].baseline);
      pango_cairo_show_layout_line(pen, lines_[i].line);
      y += lines_[i].height;
    }
  }

 private:
  struct Line {
    PangoLayoutLine* line;  ///< the layout's
    double x, height, baseline, width;
  };
  Owned<PangoLayout> layout_;
  double pitch_;
  std::vector<Line> lines_;
};
using Shared = std::shared_ptr<const Lines>;

/// First everything is laid out on pages that only note what to draw, so that each page can say how many there are.
class Setter {
 public:
  explicit Setter(const Document& document)
      : document_(document),
        head_(document.head()),
        fonts_(pango_cairo_font_map_new()),
        context_(nullptr),
        hash_(to_hex(document.hash())) {
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(fonts_.get()), 72);
    context_.reset(pango_font_map_create_context(fonts_.get()));
    pango_context_set_language(context_.get(), pango_language_from_string(head_.chinese ? "zh-cn" : "en"));
    pango_context_set_base_dir(context_.get(), PANGO_DIRECTION_LTR);
    pango_context_set_round_glyph_positions(context_.get(), FALSE);
    const std::unique_ptr<cairo_font_options_t, decltype(&cairo_font_options_destroy)> options(
        cairo_font_options_create(), &cairo_font_options_destroy);
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context_.get(), options.get());
  }

  /// Pango takes any other font in silence, and prints boxes where it has none.
  Status check_fonts() const {
    for (const char* family : {kSerif, kSans}) {
      const std::unique_ptr<PangoFontDescription, decltype(&pango_font_description_free)> wanted(
          pango_font_description_new(), &pango_font_description_free);
      pango_font_description_set_family(wanted.get(), family);
      const Owned<PangoFont> font(pango_context_load_font(context_.get(), wanted.get()));
      if (!font) return fail(Code::kDocumentFont, family);
      const std::unique_ptr<PangoFontDescription, decltype(&pango_font_description_free)> found(
          pango_font_describe(font.get()), &pango_font_description_free);
      if (std::string_view(pango_font_description_get_family(found.get())) != family)
        return fail(Code::kDocumentFont, family);
    }
    return {};
  }

  void lay_out() {
    new_page();
    title();
    for (std::size_t i = 0; i < document_.blocks().size(); ++i) i = block(i);
    proof();
    for (std::size_t i = 0; i < pages_.size(); ++i) foot(i);
  }

  Bytes draw() const {
    Bytes out;
    const std::unique_ptr<cairo_surface_t, DestroySurface> surface(
        cairo_pdf_surface_create_for_stream(&Setter::take, &out, kPageWidth, kPageHeight));
    const std::string title = head_.number.empty() ? head_.title : head_.title + " " + head_.number;
    const auto say = [&](cairo_pdf_metadata_t what, const std::string& words) {
      cairo_pdf_surface_set_metadata(surface.get(), what, words.c_str());
    };
    say(CAIRO_PDF_METADATA_TITLE, title);
    if (!head_.issuer.empty()) say(CAIRO_PDF_METADATA_AUTHOR, head_.issuer);
    say(CAIRO_PDF_METADATA_SUBJECT, "SHA-256 " + hash_);
    say(CAIRO_PDF_METADATA_CREATOR, "dudao");
    if (!head_.date.empty()) say(CAIRO_PDF_METADATA_CREATE_DATE, head_.date + "T00:00:00Z");
    {
      const std::unique_ptr<cairo_t, DestroyPen> pen(cairo_create(surface.get()));
      for (const auto& page : pages_) {
        for (const Stroke& stroke : page) {
          cairo_save(pen.get());
          stroke(pen.get());
          cairo_restore(pen.get());
        }
        cairo_show_page(pen.get());
      }
      if (cairo_status(pen.get()) != CAIRO_STATUS_SUCCESS) throw std::bad_alloc();
    }
    cairo_surface_finish(surface.get());
    // Nothing but memory can be missing: what is drawn is ours, and it is written to memory.
    if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS) throw std::bad_alloc();
    return out;
  }

 private:
  using Stroke = std::function<void(cairo_t*)>;

  static cairo_status_t take(void* out, const unsigned char* data, unsigned int length) {
    try {
      append(*static_cast<Bytes*>(out), BytesView(data, length));
    } catch (const std::bad_alloc&) {  // No exception passes through C.
      return CAIRO_STATUS_NO_MEMORY;
    }
    return CAIRO_STATUS_SUCCESS;
  }

  std::string tr(std::string_view chinese, std::string_view english) const {
    return std::string(head_.chinese ? chinese : english);
  }
  Shared lines(const Style& style, std::string_view text, double width = kWidth) const {
    return std::make_shared<const Lines>(context_.get(), style, text, width);
  }

  // --- Pages.

  void new_page() {
    pages_.emplace_back();
    y_ = kTop;
  }
  double room() const { return kBottom - y_; }
  /// Goes to a new page where this much has no room.
  void need(double height) {
    if (height > room() + 0.01 && y_ > kTop) new_page();
  }
  void note(Stroke stroke) { pages_.back().push_back(std::move(stroke)); }
  void show(const Shared& text, double x, double y, std::size_t from, std::size_t to) {
    note([=](cairo_t* pen) { text->draw(pen, x, y, from, to); });
  }
  /// All of it, which has room.
  void place(const Shared& text, double x = kLeft) {
    show(text, x, y_, 0, text->size());
    y_ += text->height();
  }
  void line(double x1, double y1, double x2, double y2, double width = kRule) {
    note([=](cairo_t* pen) {
      cairo_set_line_width(pen, width);
      cairo_move_to(pen, x1, y1);
      cairo_line_to(pen, x2, y2);
      cairo_stroke(pen);
    });
  }
  void frame(double x, double y, double width, double height, double grey) {
    note([=](cairo_t* pen) {
      cairo_rectangle(pen, x, y, width, height);
      if (grey < 1) {
        cairo_set_source_rgb(pen, grey, grey, grey);
        cairo_fill_preserve(pen);
        cairo_set_source_rgb(pen, 0, 0, 0);
      }
      cairo_set_line_width(pen, kRule);
      cairo_stroke(pen);
    });
  }

  /// Over as many pages as it takes, with no line of a paragraph alone on one. `tail`: what follows and must not begin
  /// a page without text above it.
  void flow(const Shared& text, double tail) {
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t left = text->size() - at;
      std::size_t taken = text->fitting(at, room());
      if (taken == left && text->height(at, text->size()) + tail > room() + 0.01) taken = left > 3 ? left - 2 : 0;
      if (taken < left && left - taken == 1) taken = taken > 2 ? taken - 1 : 0;
      if (taken < std::min<std::size_t>(left, 2) && y_ > kTop) {
        new_page();
        continue;
      }
      taken = std::max<std::size_t>(taken, 1);
      show(text, kLeft, y_, at, at + taken);
      y_ += text->height(at, at + taken);
      at += taken;
      if (at < text->size()) new_page();
    }
  }

  // --- What stands on them.

  void title() {
    const auto spoken = head_.number.empty() ? std::string() : tr("编号：", "No. ") + head_.number;
    if (!head_.issuer.empty()) {
      const Shared issuer = lines(kIssuer, head_.issuer);
      const double y = y_;
      note([=](cairo_t* pen) {
        cairo_set_source_rgb(pen, 0.8, 0, 0);
        issuer->draw(pen, kLeft, y, 0, issuer->size());
      });
      y_ += issuer->height() + 6;
      if (!head_.number.empty()) place(lines(kNumber, head_.number));
      y_ += 6;
      const double rule = y_;
      note([=](cairo_t* pen) {
        cairo_set_source_rgb(pen, 0.8, 0, 0);
        cairo_rectangle(pen, kLeft, rule, kWidth, 1.5);
        cairo_fill(pen);
      });
      y_ += 24;
    }
    place(lines(kTitle, head_.title));
    if (head_.issuer.empty() && !spoken.empty()) place(lines(kSmallNumber, spoken));
    y_ += head_.issuer.empty() ? 8 : 20;
    if (!head_.addressee.empty()) flow(lines(kText, head_.addressee + tr("：", ":")), 0);
  }

  /// The block, and the one after it where it is a heading. Returns the last that was laid out.
  std::size_t block(std::size_t i) {
    const std::vector<Block>& blocks = document_.blocks();
    const Block* const next = i + 1 < blocks.size() ? &blocks[i + 1] : nullptr;
    if (const auto* one = std::get_if<Heading>(&blocks[i])) {
      const std::size_t page = pages_.size() - 1;
      const std::size_t before = pages_.back().size();
      const double y = y_;
      heading(*one);
      if (next == nullptr || std::get_if<Heading>(next) != nullptr) return i;
      const bool same_page = pages_.size() - 1 == page;
      block(i + 1);
      // Nothing of what it heads has come to stand below it: both begin the next page.
      if (same_page && pages_[page].size() == before + 1 && y > kTop) {
        pages_.resize(page + 1);
        pages_.back().resize(before);
        new_page();
        heading(*one);
        block(i + 1);
      }
      return i + 1;
    }
    if (const auto* one = std::get_if<Paragraph>(&blocks[i])) paragraph(*one, next);
    if (const auto* one = std::get_if<Facts>(&blocks[i])) table(rows_of(*one), 0);
    if (const auto* one = std::get_if<Grid>(&blocks[i])) table(rows_of(*one), 1);
    if (const auto* one = std::get_if<SignatureLine>(&blocks[i])) signature(*one);
    if (const auto* one = std::get_if<Closing>(&blocks[i])) closing(*one);
    return i;
  }

  void heading(const Heading& one) {
    const Shared text = lines(kHeading, one.text);
    y_ += y_ > kTop ? 6 : 0;
    need(text->height());
    place(text);
  }

  void paragraph(const Paragraph& one, const Block* next) {
    Style style = kText;
    style.indent = head_.chinese ? 2 * style.size : 0;
    double tail = 0;
    if (const auto* after = next == nullptr ? nullptr : std::get_if<Closing>(next)) tail = closing_height(*after);
    for (std::size_t at = 0; at <= one.text.size();) {
      const std::size_t end = std::min(one.text.find('\n', at), one.text.size());
      if (end > at)
        flow(lines(style, std::string_view(one.text).substr(at, end - at)), end == one.text.size() ? tail : 0);
      at = end + 1;
    }
  }

  struct Cell {
    Shared text;
    double x, width, grey;
  };
  struct Row {
    std::vector<Cell> cells;
    double height = 0;
    bool whole = false;  ///< names those below it
    void add(Cell cell) {
      height = std::max(height, cell.text->height() + 6);
      cells.push_back(std::move(cell));
    }
  };

  std::vector<Row> rows_of(const Facts& facts) const {
    constexpr double kNames = 0.24 * kWidth;
    std::vector<Row> out;
    for (const auto& [label, value] : facts.rows) {
      Row& row = out.emplace_back();
      row.add({lines(kCell, label, kNames - 2 * kPad), kLeft, kNames, 0.96});
      row.add({lines(kCell, value, kWidth - kNames - 2 * kPad), kLeft + kNames, kWidth - kNames, 1});
    }
    return out;
  }

  /// The first row is the table's head.
  std::vector<Row> rows_of(const Grid& grid) const {
    int shares = 0;
    for (const Grid::Column& column : grid.columns) shares += column.share;
    std::vector<Row> out;
    const auto add = [&](Row& row, std::size_t column, double x, const Style& style, std::string_view text,
                         double grey) {
      const double width = kWidth * grid.columns[column].share / std::max(shares, 1);
      row.add({lines(style, text, width - 2 * kPad), x, width, grey});
      return x + width;
    };
    Row& names = out.emplace_back();
    double x = kLeft;
    for (std::size_t i = 0; i < grid.columns.size(); ++i) x = add(names, i, x, kCellHead, grid.columns[i].label, 0.94);
    for (const std::vector<std::string>& cells : grid.rows) {
      Row& row = out.emplace_back();
      if (cells.size() == 1 && grid.columns.size() > 1) {
        row.whole = true;
        row.add({lines(kCellBold, cells.front(), kWidth - 2 * kPad), kLeft, kWidth, 0.97});
        continue;
      }
      x = kLeft;
      for (std::size_t i = 0; i < cells.size(); ++i)
        x = add(row, i, x, grid.columns[i].centred ? kCellMiddle : kCell, cells[i], 1);
    }
    return out;
  }

  void draw_row(const Row& row) {
    for (const Cell& cell : row.cells) {
      frame(cell.x, y_, cell.width, row.height, cell.grey);
      show(cell.text, cell.x + kPad, y_ + (row.height - cell.text->height()) / 2, 0, cell.text->size());
    }
    y_ += row.height;
  }

  /// `heads`: how many of the first rows stand again on each page.
  void table(const std::vector<Row>& rows, std::size_t heads) {
    double head = 0;
    for (std::size_t i = 0; i < heads; ++i) head += rows[i].height;
    const auto begin = [&] {
      for (std::size_t i = 0; i < heads; ++i) draw_row(rows[i]);
    };
    // What must be free for a row to begin: a row that names others stands with one of them, a tall one is split.
    const auto wanted = [&](std::size_t i) {
      if (rows[i].height > (kBottom - kTop - head) / 3) return 5 * kCell.pitch;
      return rows[i].height +
             (rows[i].whole && i + 1 < rows.size() ? std::min(rows[i + 1].height, 5 * kCell.pitch) : 0);
    };
    y_ += 6;
    if (rows.size() > heads) need(head + wanted(heads));
    begin();
    const auto turn = [&] {
      new_page();
      begin();
    };
    for (std::size_t i = heads; i < rows.size(); ++i) {
      if (wanted(i) > room() + 0.01) turn();
      if (rows[i].height <= room() + 0.01)
        draw_row(rows[i]);
      else
        split(rows[i], turn);
    }
    y_ += 8;
  }

  /// A row that no page holds goes on overleaf.
  void split(const Row& row, const std::function<void()>& turn) {
    std::vector<std::size_t> at(row.cells.size(), 0);
    while (true) {
      double height = 0;
      std::vector<std::size_t> to(at);
      for (std::size_t i = 0; i < at.size(); ++i) {
        const Lines& text = *row.cells[i].text;
        to[i] += at[i] < text.size() ? std::max<std::size_t>(text.fitting(at[i], room() - 6), 1) : 0;
        height = std::max(height, text.height(at[i], to[i]) + 6);
      }
      bool done = true;
      for (std::size_t i = 0; i < at.size(); ++i) {
        const Cell& cell = row.cells[i];
        frame(cell.x, y_, cell.width, height, cell.grey);
        show(cell.text, cell.x + kPad, y_ + 3, at[i], to[i]);
        done = done && to[i] == cell.text->size();
      }
      y_ += height;
      if (done) return;
      at = std::move(to);
      turn();
    }
  }

  void signature(const SignatureLine& one) {
    constexpr double kLabel = 34 * kMm;
    constexpr double kDrawn = 44 * kMm;
    const auto strokes = read_strokes(one.strokes);
    std::string said = one.name;
    for (const std::string& more : {one.outcome, one.remark})
      if (!more.empty()) said += (said.empty() ? "" : tr("　", "  ")) + more;
    const Shared label = lines(kSign, one.label, kLabel);
    const double indent = strokes ? kDrawn : 0;
    const Shared words = lines(kSign, said, kWidth - kLabel - indent);
    const bool endless = words->height() > (kBottom - kTop) / 3;
    const double height = std::max({kSignHeight, label->height() + 6, endless ? 0 : words->height() + 6});
    need(height);
    const double middle = y_ + height / 2;
    show(label, kLeft, middle - label->height() / 2, 0, label->size());
    if (strokes) draw(*strokes, kLeft + kLabel, middle - 7 * kMm, kDrawn - 4 * kMm, 14 * kMm);
    if (!endless) show(words, kLeft + kLabel + indent, middle - words->height() / 2, 0, words->size());
    y_ += height;
    if (endless) flow(lines(kSign, said), 0);  // below, over the whole width and as many pages as it takes
    line(kLeft, y_, kRight, y_);
  }

  void draw(const Strokes& strokes, double x, double y, double width, double height) {
    const double scale =
        std::min(width / std::max(strokes.right - strokes.left, 1), height / std::max(strokes.bottom - strokes.top, 1));
    const double top = y + (height - scale * (strokes.bottom - strokes.top)) / 2;
    note([=](cairo_t* pen) {
      cairo_set_line_width(pen, 1.1);
      cairo_set_line_cap(pen, CAIRO_LINE_CAP_ROUND);
      cairo_set_line_join(pen, CAIRO_LINE_JOIN_ROUND);
      for (const auto& drawn : strokes.lines) {
        cairo_new_sub_path(pen);
        for (const Strokes::Point& point : drawn)
          cairo_line_to(pen, x + scale * (point.x - strokes.left), top + scale * (point.y - strokes.top));
        if (drawn.size() == 1) cairo_close_path(pen);  // A dot: a line to where it began has round ends.
      }
      cairo_stroke(pen);
    });
  }

  double closing_height(const Closing& one) const {
    return 2 * kText.pitch + lines(kText, one.issuer, kWidth - 64)->height() + kText.pitch;
  }
  void closing(const Closing& one) {
    Style centred = kText;
    centred.justify = false;
    centred.align = PANGO_ALIGN_CENTER;
    need(closing_height(one));
    y_ += 2 * kText.pitch;
    // Both in the middle of the wider one, which ends two characters before the edge.
    const double width =
        std::min(std::max(lines(kText, one.issuer)->width(), lines(kText, one.date)->width()) + 2, kWidth - 64);
    for (const std::string& words : {one.issuer, one.date}) place(lines(centred, words, width), kRight - 32 - width);
  }

  void proof() {
    need(kQrSide + 24);
    y_ += 14;
    line(kLeft, y_, kRight, y_);
    y_ += 8;
    const QrCode code = qr_code(qr_text(document_));
    const double module = kQrSide / (code.size + 8);
    const double top = y_;
    note([=](cairo_t* pen) {
      for (int y = 0; y < code.size; ++y)
        for (int x = 0; x < code.size; ++x)
          if (code.at(x, y)) cairo_rectangle(pen, kLeft + module * (x + 4), top + module * (y + 4), module, module);
      cairo_fill(pen);
    });
    const Shared words =
        lines(kProof,
              tr("编号：", "Number: ") + head_.number + "\nSHA-256: " + hash_ + "\n" +
                  tr("哈希由本文件全部内容算出，二维码含编号与哈希，可据此核对。",
                     "The hash is worked out from all that stands here; the QR code holds number and hash."),
              kWidth - kQrSide - 5 * kMm);
    show(words, kLeft + kQrSide + 5 * kMm, top + std::max((kQrSide - words->height()) / 2, 0.0), 0, words->size());
    y_ += std::max(kQrSide, words->height());
  }

  void foot(std::size_t page) {
    const Shared folio = lines(kFolio, std::to_string(page + 1) + " / " + std::to_string(pages_.size()));
    const Shared proof = lines(kFoot, "SHA-256 " + hash_.substr(0, 16));
    pages_[page].push_back([=](cairo_t* pen) {
      folio->draw(pen, kLeft, kBottom + 7 * kMm, 0, 1);
      cairo_set_source_rgb(pen, 0.35, 0.35, 0.35);
      proof->draw(pen, kLeft, kBottom + 7 * kMm, 0, 1);
    });
  }

  const Document& document_;
  const DocumentHead& head_;
  Owned<PangoFontMap> fonts_;
  Owned<PangoContext> context_;
  std::string hash_;
  std::vector<std::vector<Stroke>> pages_;
  double y_ = kTop;
};

}  // namespace

Result<Bytes> document_pdf(const Document& document) {
  Setter setter(document);
  DUDAO_CHECK(setter.check_fonts());
  setter.lay_out();
  return setter.draw();
}

}  // namespace dudao
