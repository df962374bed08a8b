#include "sync/office/jurisdiction.hpp"

#include "sync/office/rows.hpp"

#include <algorithm>

namespace dudao {

Result<std::vector<std::string>> units_from(Store& rows, std::string_view unit) {
  const Table& units = *find_table("org_unit");
  std::vector<std::string> out;
  std::string at(unit);
  while (!at.empty() && std::find(out.begin(), out.end(), at) == out.end()) {
    const ValueView key = std::string_view(at);
    DUDAO_TRY(const auto row, rows.row(units, std::span(&key, 1)));
    if (!row) {
      if (out.empty()) return fail(Code::kUnitUnknown, at);
      break;
    }
    out.push_back(at);
    at = text_in(units, *row, "parent");
  }
  return out;
}

Result<bool> is_within(Store& rows, std::string_view unit, std::string_view whole) {
  if (whole.empty()) return true;
  DUDAO_TRY(const auto above, units_from(rows, unit));
  return std::find(above.begin(), above.end(), whole) != above.end();
}

Result<std::string> unit_of_school(Store& rows, std::string_view school) {
  const Table& schools = *find_table("school");
  const ValueView key = school;
  DUDAO_TRY(const auto row, rows.row(schools, std::span(&key, 1)));
  if (!row) return fail(Code::kSchoolUnknown, std::string(school));
  return text_in(schools, *row, "org_unit");
}

Result<PolicyValue> policy_for(Store& rows, Policy policy, std::string_view unit, std::int64_t day) {
  std::vector<std::string> places;
  auto above = units_from(rows, unit);
  if (above)
    places = *std::move(above);
  else if (above.error().code != Code::kUnitUnknown)
    return fail(above.error());
  places.emplace_back();
  const PolicyInfo& known = info(policy);
  PolicyValue best{known.value, "", std::string(known.source), std::nullopt};
  std::size_t best_place = places.size();
  std::int64_t best_day = 0;
  DUDAO_CHECK(rows.each_row(*find_table("policy"), [&](const StoredRow& row) -> Status {
    const std::int64_t from_day = std::get<std::int64_t>(row.cells[2]);
    if (std::get<std::string>(row.cells[1]) != known.name || from_day > day) return {};
    const auto place = static_cast<std::size_t>(
        std::find(places.begin(), places.end(), std::get<std::string>(row.cells[0])) - places.begin());
    if (place == places.size() || place > best_place || (place == best_place && from_day < best_day)) return {};
    best = {std::get<std::int64_t>(row.cells[3]), places[place], std::get<std::string>(row.cells[4]), from_day};
    best_place = place;
    best_day = from_day;
    return {};
  }));
  return best;
}

Result<ChangesBuilder> settle_policy(Store& rows, Policy policy, std::string_view jurisdiction, std::int64_t from_day,
                                     std::int64_t value, std::string_view source) {
  const PolicyInfo& known = info(policy);
  if (value < known.least || value > known.most)
    return fail(Code::kPolicyUnknown,
                std::string(known.name) + " " + std::to_string(known.least) + " – " + std::to_string(known.most));
  if (source.empty()) return fail(Code::kReasonMissing, "source");
  if (!jurisdiction.empty()) DUDAO_CHECK(units_from(rows, jurisdiction));
  const ValueView key[] = {jurisdiction, known.name, from_day};
  DUDAO_TRY(const auto before, rows.row(*find_table("policy"), key));
  ChangesBuilder out;
  if (before) {
    out.update("policy", {std::string(jurisdiction), std::string(known.name), from_day},
               {{3, value}, {4, std::string(source)}});
  } else {
    out.insert("policy", {std::string(jurisdiction), std::string(known.name), from_day, value, std::string(source)});
  }
  return out;
}

Result<DeadlineBook> published_deadlines(Store& rows) {
  std::string body;
  std::int64_t newest = -1;
  DUDAO_CHECK(rows.each_row(*find_table("deadline_book"), [&](const StoredRow& row) -> Status {
    if (row.clock.index <= newest) return {};
    newest = row.clock.index;
    body = std::get<std::string>(row.cells[3]);
    return {};
  }));
  if (newest < 0) return fail(Code::kDeadlineBookMissing);
  return DeadlineBook::parse(body);
}

Result<ChangesBuilder> publish_deadlines(Store& rows, std::string_view code, std::string_view title,
                                         std::string_view json, std::int64_t utc_ms) {
  if (code.empty() || title.empty()) return fail(Code::kWordsMissing, code.empty() ? "code" : "title");
  DUDAO_CHECK(DeadlineBook::parse(json));
  std::int64_t version = 1;
  DUDAO_CHECK(rows.each_row(*find_table("deadline_book"), [&](const StoredRow& row) -> Status {
    if (std::get<std::string>(row.cells[0]) == code)
      version = std::max(version, std::get<std::int64_t>(row.cells[1]) + 1);
    return {};
  }));
  ChangesBuilder out;
  out.insert("deadline_book", {std::string(code), version, std::string(title), std::string(json), utc_ms});
  return out;
}

}  // namespace dudao
