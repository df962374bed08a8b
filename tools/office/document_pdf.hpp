#pragma once

/// A document as PDF on A4, with its fonts embedded as subsets. Only the office draws PDF; phones print the HTML of
/// schema/document_html.hpp, and never link what this stands on.

#include "platform/error.hpp"
#include "schema/document.hpp"

namespace dudao {

/// The same document gives the same bytes on the same machine: nothing in them says when they were made but the
/// document's own day. May be called from any thread. Error: kDocumentFont.
Result<Bytes> document_pdf(const Document& document);

}  // namespace dudao
