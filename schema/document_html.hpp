#pragma once

/// A document as one page of HTML that prints on A4: nothing is loaded from anywhere, no script runs, strokes and QR
/// code stand in it as SVG. Made on the device, where there is no network.

#include "schema/document.hpp"

#include <string>

namespace dudao {

/// UTF-8. Pure; the same document gives the same bytes.
std::string document_html(const Document& document);

}  // namespace dudao
