#pragma once

#include "schema/checklist.hpp"

#include <initializer_list>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

/// Small templates for tests, from the JSON of their items.
namespace dudao::test {

/// A template with one section "S" that holds these items; `heading` is put among the template's own members.
inline std::string template_json(const std::string& items, const std::string& heading = "") {
  return R"({"format":"dudao-checklist-1","code":"t","version":1,"title":{"zh":"测试","en":"Test"},)"
         R"("languages":["zh","en"],)" +
         heading + R"("sections":[{"code":"S","title":"Section","items":[)" + items + "]}]}";
}

inline Checklist checklist(const std::string& items, const std::string& heading = "") {
  Result<Checklist> list = Checklist::parse(template_json(items, heading));
  if (!list) FAIL(list.error().message());
  return *list;
}

inline Error refusal(const std::string& json) {
  const Result<Checklist> list = Checklist::parse(json);
  if (list) FAIL("accepted: " << json);
  return list.error();
}

inline AnswerValue number(std::int64_t value) { return {value, std::nullopt, ""}; }
inline AnswerValue text(std::string value) { return {std::move(value), std::nullopt, ""}; }
inline AnswerValue count(std::int64_t present, std::int64_t of) { return {present, of, ""}; }
inline AnswerValue na(std::string reason) { return {std::monostate(), std::nullopt, std::move(reason)}; }

/// The refusal's code, or nothing.
inline std::optional<Code> code_of(const Status& status) {
  if (status) return std::nullopt;
  return status.error().code;
}

}  // namespace dudao::test
