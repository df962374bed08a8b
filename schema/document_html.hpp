#pragma once

/// A document as one page of HTML that prints on A4: nothing is loaded from anywhere, no script runs, strokes and QR
/// code stand in it as SVG. Made on the device, where there is no network.

#include "schema/document.hpp"

#include <string>

namespace dudao {

/// UTF-8. Pure; the same document gives the same bytes.
std::string document_html(const Document& document);
/// Words as they have to stand in a page of HTML, between tags or in quotes. Line breaks stay as they are.
std::string html_text(std::string_view words);

}  // namespace dudao
