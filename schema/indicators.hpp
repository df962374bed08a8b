#pragma once

/// From a system of indicators, as Chinese supervision offices keep it in JSON (指标体系: domains, indicators, data
/// with thresholds, documents to be shown), to a checklist. It is taken whole or not at all. Pure; any thread.
///
///   an indicator                       a section; its description is the guidance
///   a figure with a bound              integer or decimal, met where the bound holds
///   a yes or no                        yes_no, met by yes
///   one judged in steps (tiered)       single: qualified, basically qualified, unqualified; met but by the last
///   a text with a threshold in words   text, and beside it a yes_no that judges it
///   a document to be shown             yes_no, not scored
///   an indicator with neither          yes_no, met by yes
///   gradingCriteria                    counts of what is qualified, and the level that follows from them
///
/// A domain's weight is shared equally by its lowest indicators, and a lowest indicator's by what is scored in it.

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

struct IndicatorOptions {
  std::string code;  ///< Of the checklist.
  std::int64_t version = 1;
};

struct IndicatorRemark {
  std::string place;  ///< The code of the indicator, or the name of a member that stands in many.
  Error error;        ///< kIndicatorJudged, kIndicatorCalculated, kIndicatorNotUsed.
};

struct IndicatorImport {
  std::string checklist;       ///< The template, compact.
  std::size_t indicators = 0;  ///< The lowest ones.
  std::size_t data = 0;        ///< Figures and judgements of the file.
  std::size_t documents = 0;
  std::size_t items = 0;     ///< Of the template.
  std::size_t sections = 0;  ///< Of the template.
  std::vector<IndicatorRemark> remarks;
};

/// Errors: kIndicatorsShape with the place; those of Checklist::parse and check_publishable, of the template that would
/// come out.
Result<IndicatorImport> import_indicators(std::string_view json, const IndicatorOptions& options);

}  // namespace dudao
