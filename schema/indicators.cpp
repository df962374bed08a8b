#include "schema/indicators.hpp"

#include "platform/bytes.hpp"
#include "schema/answer.hpp"
#include "schema/checklist.hpp"
#include "schema/checklist_impl.hpp"
#include "schema/register_import.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using std::int64_t;
using std::size_t;
using std::string;
using std::string_view;

constexpr size_t kMaxFileBytes = 4'000'000;

tl::unexpected<Error> wrong(const string& where, string_view what) {
  return fail(Code::kIndicatorsShape, where + ": " + string(what));
}

string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? tidied(found->get<string>()) : string();
}

/// ">= 85%" as ">= 85": the per cent sign is the figure's unit. Nothing if it is words.
std::optional<string> bound(const string& threshold, unsigned decimals) {
  for (const string_view op : {">=", "<=", ">", "<", "="}) {
    if (!threshold.starts_with(op)) continue;
    string number = tidied(string_view(threshold).substr(op.size()));
    if (number.ends_with('%')) number.pop_back();
    number = tidied(number);
    if (!parse_decimal(number, decimals)) return std::nullopt;
    return string(op) + " " + number;
  }
  return std::nullopt;
}

/// Conditions under which a lowest indicator is qualified, or basically so; empty: it never is.
struct Judged {
  string qualified;
  string basic;
};

class IndicatorReader {
 public:
  explicit IndicatorReader(const IndicatorOptions& options) : options_(options) {}

  Result<IndicatorImport> run(string_view bytes) {
    if (bytes.size() > kMaxFileBytes || !is_utf8(view(bytes))) return wrong("file", "too large, or not UTF-8");
    const json system = json::parse(bytes, nullptr, false);
    if (!system.is_object()) return wrong("file", "not a JSON object");
    const string name = text_of(system, "name");
    if (name.empty()) return wrong("file", "'name' is missing");
    const auto tree = system.find("tree");
    if (tree == system.end() || !tree->is_array() || tree->empty()) return wrong("file", "'tree' is missing");
    unused(system, {"name", "type", "target", "description", "tree", "gradingCriteria"});

    ordered_json document;
    document["format"] = "dudao-checklist-1";
    document["code"] = options_.code;
    document["version"] = options_.version;
    document["title"] = name;
    document["languages"] = {"zh"};
    ordered_json sections = ordered_json::array();
    int64_t whole = 0;
    for (const json& node : *tree) {
      judged_.emplace_back();
      DUDAO_TRY(ordered_json section, this->section(node, 0));
      const auto weight = node.find("weight");
      if (weight != node.end()) {
        if (!weight->is_number_integer() || *weight < 1 || *weight > 10'000)
          return wrong(text_of(node, "code"), "'weight' is a whole number from 1");
        whole += weight->get<int64_t>();
        section["weight"] = *weight;
        share(section, weight->get<int64_t>() * 100);
      } else {
        share(section, -1);
      }
      sections.push_back(std::move(section));
    }
    // What is said of the system as a whole opens the guidance of its first domain.
    string about;
    for (const char* member : {"description", "type", "target"})
      if (const string said = text_of(system, member); !said.empty()) about += (about.empty() ? "" : "\n") + said;
    if (!about.empty()) {
      ordered_json& first = sections.front();
      const string own = first.value("guidance", "");
      first["guidance"] = own.empty() ? about : about + "\n" + own;
    }
    if (whole > 0) document["weight"] = whole;
    document["sections"] = std::move(sections);
    if (const auto grading = system.find("gradingCriteria"); grading != system.end()) {
      DUDAO_TRY(ordered_json graded, this->grading(*grading));
      document["sections"].push_back(std::move(graded));
    }
    out_.checklist = document.dump();
    DUDAO_TRY(const Checklist checked, Checklist::parse(out_.checklist));
    DUDAO_CHECK(checked.check_publishable());
    out_.items = checked.items().size();
    out_.sections = checked.sections().size();
    return std::move(out_);
  }

 private:
  void remark(const string& place, Code code, const string& detail) {
    out_.remarks.push_back({place, Error{code, detail}});
  }

  /// Says once of each member that nothing came of it. Empty ones say nothing.
  void unused(const json& object, std::initializer_list<string_view> used) {
    for (const auto& [name, value] : object.items()) {
      const bool known = std::find(used.begin(), used.end(), name) != used.end();
      const bool empty = value.is_null() || (value.is_string() && tidied(value.get<string>()).empty());
      if (!known && !empty && said_.insert(name).second) remark(name, Code::kIndicatorNotUsed, quotable(name));
    }
  }

  /// "1.1-D1" as "I1.1_D1".
  Result<string> code_of(const json& node, const string& above) const {
    if (!node.is_object()) return wrong(above, "not an object");
    string code = text_of(node, "code");
    if (code.empty()) return wrong(above, "'code' is missing");
    std::replace(code.begin(), code.end(), '-', '_');
    return "I" + code;
  }

  static void add_line(string& to, string_view label, const string& text) {
    if (text.empty()) return;
    to.append(to.empty() ? "" : "\n").append(label).append(text);
  }

  Result<ordered_json> section(const json& node, size_t depth) {
    DUDAO_TRY(const string code, code_of(node, "tree"));
    if (depth >= kMaxChecklistDepth) return wrong(code, "more than four levels");
    unused(node, {"id", "code", "name", "description", "level", "isLeaf", "weight", "children", "dataIndicators",
                  "supportingMaterials", "selfAssessment"});
    if (depth > 0 && node.contains("weight")) return wrong(code, "'weight' below the first level");
    ordered_json out;
    out["code"] = code;
    const string name = text_of(node, "name");
    if (name.empty()) return wrong(code, "'name' is missing");
    out["title"] = name;
    const string description = text_of(node, "description");
    if (!description.empty()) out["guidance"] = description;
    const json children = node.value("children", json::array());
    const json data = node.value("dataIndicators", json::array());
    const json documents = node.value("supportingMaterials", json::array());
    if (!children.is_array() || !data.is_array() || !documents.is_array()) return wrong(code, "not a list");
    if (!children.empty()) {
      if (!data.empty() || !documents.empty()) return wrong(code, "both 'children' and data");
      for (const json& child : children) {
        DUDAO_TRY(ordered_json below, section(child, depth + 1));
        out["sections"].push_back(std::move(below));
      }
      return out;
    }
    ++out_.indicators;
    ordered_json items = ordered_json::array();
    Judged judged;
    for (const json& each : data) DUDAO_CHECK(figure(each, description, items, judged));
    if (data.empty()) {
      ordered_json item;
      item["code"] = code + "_met";
      item["title"] = name;
      item["type"] = "yes_no";
      met(item);
      both(judged, code + "_met", "");
      items.push_back(std::move(item));
    }
    judged_.back().push_back(std::move(judged));
    for (const json& each : documents) {
      DUDAO_TRY(ordered_json item, this->document(each, code));
      items.push_back(std::move(item));
    }
    out["items"] = std::move(items);
    return out;
  }

  /// All that is scored in an indicator must hold.
  static void both(Judged& judged, const string& qualified, const string& basic) {
    judged.qualified += (judged.qualified.empty() ? "" : " and ") + qualified;
    judged.basic = basic;
  }

  static void met(ordered_json& item, const string& met_if = "") {
    item["scoring"] = {{"mode", "met"}};
    if (!met_if.empty()) item["scoring"]["met_if"] = met_if;
  }

  Status figure(const json& data, const string& said_above, ordered_json& items, Judged& judged) {
    DUDAO_TRY(const string code, code_of(data, "dataIndicators"));
    unused(data, {"id", "code", "name", "dataType", "unit", "threshold", "description", "calculationMethod",
                  "dataSource", "collectionFrequency", "thresholdType", "precision", "targetType", "actualValue"});
    ++out_.data;
    ordered_json item;
    item["code"] = code;
    const string name = text_of(data, "name");
    if (name.empty()) return wrong(code, "'name' is missing");
    item["title"] = name;
    const string threshold = text_of(data, "threshold");
    const string method = text_of(data, "calculationMethod");
    string guidance;
    if (const string description = text_of(data, "description"); description != said_above)
      add_line(guidance, "", description);
    add_line(guidance, "标准：", threshold);
    add_line(guidance, "计算方法：", method);
    add_line(guidance, "数据来源：", text_of(data, "dataSource"));
    add_line(guidance, "采集频率：", text_of(data, "collectionFrequency"));
    add_line(guidance, "对象：", text_of(data, "targetType"));
    if (!guidance.empty()) item["guidance"] = guidance;
    if (!method.empty()) remark(code, Code::kIndicatorCalculated, method);

    const string type = text_of(data, "dataType");
    const bool tiered = text_of(data, "thresholdType") == "tiered";
    bool judge = tiered;
    ordered_json judgement = ordered_json::object();
    if (type == "数字") {
      const int64_t precision =
          data.value("precision", json(0)).is_number_integer() ? data.value("precision", int64_t{0}) : -1;
      if (precision < 0 || precision > int64_t{kMaxDecimals}) return wrong(code, "'precision' is from 0 to 6");
      item["type"] = precision > 0 ? "decimal" : "integer";
      if (precision > 0) item["decimals"] = precision;
      if (const string unit = text_of(data, "unit"); !unit.empty()) item["unit"] = unit;
      const auto holds = tiered ? std::nullopt : bound(threshold, static_cast<unsigned>(precision));
      if (holds) {
        met(item, ". " + *holds);
        both(judged, code + " " + *holds, "");
      }
      judge = judge || (!holds && !threshold.empty());
      items.push_back(std::move(item));
    } else if (type == "文本") {
      item["type"] = "text";
      judge = judge || !threshold.empty();
      items.push_back(std::move(item));
    } else if (type == "逻辑") {
      if (tiered) {
        judgement = std::move(item);
      } else {
        item["type"] = "yes_no";
        met(item);
        both(judged, code, "");
        items.push_back(std::move(item));
      }
    } else {
      return wrong(code, "'dataType' " + quotable(type));
    }
    if (!judge) return {};
    remark(code, Code::kIndicatorJudged, threshold);
    // A judgement in steps takes the place of yes or no; beside a figure or a text it has a code of its own.
    const string own = type == "逻辑" ? code : code + "_judged";
    judgement["code"] = own;
    judgement["title"] = type == "逻辑" ? name : name + "：是否达标";
    if (tiered) {
      judgement["type"] = "single";
      judgement["options"] = ordered_json::array();
      for (const auto& [option, label] :
           {std::pair("qualified", "合格"), std::pair("basic", "基本合格"), std::pair("unqualified", "不合格")}) {
        ordered_json one;
        one["code"] = option;
        one["label"] = label;
        judgement["options"].push_back(std::move(one));
      }
      met(judgement, ". != 'unqualified'");
      both(judged, own + " = 'qualified'", own + " = 'basic'");
    } else {
      judgement["type"] = "yes_no";
      if (!guidance.empty() && type != "逻辑") judgement["guidance"] = "标准：" + threshold;
      met(judgement);
      both(judged, own, "");
    }
    items.push_back(std::move(judgement));
    return {};
  }

  Result<ordered_json> document(const json& material, const string& above) {
    DUDAO_TRY(const string code, code_of(material, above));
    unused(material, {"id", "code", "name", "description", "required", "fileTypes", "maxSize"});
    ++out_.documents;
    ordered_json item;
    item["code"] = code;
    const string name = text_of(material, "name");
    if (name.empty()) return wrong(code, "'name' is missing");
    item["title"] = "佐证材料：" + name;
    string guidance;
    if (const string description = text_of(material, "description"); description != name)
      add_line(guidance, "", description);
    add_line(guidance, "文件类型：", text_of(material, "fileTypes"));
    add_line(guidance, "文件大小上限：", text_of(material, "maxSize"));
    if (!guidance.empty()) item["guidance"] = guidance;
    item["type"] = "yes_no";
    const json required = material.value("required", json(false));
    if (!required.is_boolean()) return wrong(code, "'required' is true or false");
    if (!required.get<bool>()) item["required"] = false;
    return item;
  }

  /// Gives every scored item its part of the weight, in hundredths, to the last one; or 1 each where there is none.
  static void share(ordered_json& section, int64_t hundredths) {
    std::vector<std::vector<ordered_json*>> leaves;
    collect(section, leaves);
    std::erase_if(leaves, [](const auto& leaf) { return leaf.empty(); });
    const auto part = [](int64_t whole, size_t count, size_t i) {
      const auto n = static_cast<int64_t>(count);
      return whole / n + (static_cast<int64_t>(i) < whole % n ? 1 : 0);
    };
    for (size_t i = 0; i < leaves.size(); ++i) {
      const int64_t leaf = hundredths < 0 ? 0 : part(hundredths, leaves.size(), i);
      for (size_t k = 0; k < leaves[i].size(); ++k) {
        const int64_t own = hundredths < 0 ? 100 : part(leaf, leaves[i].size(), k);
        (*leaves[i][k])["scoring"]["weight"] = decimal_text(own, 2);
      }
    }
  }

  static void collect(ordered_json& section, std::vector<std::vector<ordered_json*>>& leaves) {
    if (section.contains("sections")) {
      for (ordered_json& below : section["sections"]) collect(below, leaves);
      return;
    }
    leaves.emplace_back();
    for (ordered_json& item : section["items"])
      if (item.contains("scoring")) leaves.back().push_back(&item);
  }

  // --- Levels by count.

  Result<ordered_json> grading(const json& criteria) {
    if (!criteria.is_object() || !criteria.value("levels", json()).is_array() || criteria["levels"].empty())
      return wrong("gradingCriteria", "'levels' is missing");
    unused(criteria, {"name", "description", "totalIndicators", "levels", "failureCondition"});
    const json total = criteria.value("totalIndicators", json());
    if (total.is_number_integer() && total != out_.indicators)
      return wrong("gradingCriteria",
                   "'totalIndicators' is " + total.dump() + ", the tree has " + std::to_string(out_.indicators));
    ordered_json out;
    out["code"] = "grading";
    const string name = text_of(criteria, "name");
    out["title"] = name.empty() ? "等级评定" : name;
    string guidance = text_of(criteria, "description");
    ordered_json items = ordered_json::array();
    const auto calculated = [&](const string& code, const string& title, const string& calculate) {
      ordered_json item;
      item["code"] = code;
      item["title"] = title;
      item["type"] = "calculated";
      item["calculate"] = calculate;
      items.push_back(std::move(item));
    };
    // Each domain by itself, to keep expressions short; what is not judged yet is not qualified.
    for (const bool basic : {false, true}) {
      const string label = basic ? "基本合格项数" : "合格项数";
      const string code = basic ? "basic" : "qualified";
      string sum;
      for (size_t domain = 0; domain < judged_.size(); ++domain) {
        string count;
        for (const Judged& each : judged_[domain]) {
          const string& condition = basic ? each.basic : each.qualified;
          if (!condition.empty())
            count += (count.empty() ? "" : " + ") + ("if(coalesce(" + condition + ", false), 1, 0)");
        }
        const string own = code + "_" + std::to_string(domain + 1);
        calculated(own, label + "（" + std::to_string(domain + 1) + "）", count.empty() ? "0" : count);
        sum += (sum.empty() ? "" : " + ") + own;
      }
      calculated(code, label, sum);
    }
    calculated("unqualified", "不合格及未评项数", std::to_string(out_.indicators) + " - qualified - basic");
    string level = "0";
    string legend = "0 未达到";
    int64_t before = 0;
    for (const json& each : criteria["levels"]) {
      const string title = text_of(each, "name");
      if (!each.is_object() || title.empty()) return wrong("gradingCriteria", "a level without 'name'");
      unused(each,
             {"level", "name", "fullName", "minQualified", "maxBasicallyQualified", "maxUnqualified", "description"});
      for (const char* member : {"level", "minQualified", "maxBasicallyQualified", "maxUnqualified"})
        if (!each.value(member, json()).is_number_unsigned() || each[member] > 1'000)
          return wrong("gradingCriteria " + title, string("'") + member + "' is a whole number");
      if (each["level"].get<int64_t>() <= before) return wrong("gradingCriteria " + title, "levels rise from 1");
      before = each["level"].get<int64_t>();
      level = "if(qualified >= " + each["minQualified"].dump() +
              " and basic <= " + each["maxBasicallyQualified"].dump() +
              " and unqualified <= " + each["maxUnqualified"].dump() + ", " + each["level"].dump() + ", " + level + ")";
      legend += "，" + each["level"].dump() + " " + title;
      const string full = text_of(each, "fullName");
      add_line(guidance, (full.empty() ? title : full) + "：", text_of(each, "description"));
    }
    if (const auto failure = criteria.find("failureCondition"); failure != criteria.end() && failure->is_object()) {
      const json most = failure->value("maxUnqualified", json(0));
      if (!most.is_number_unsigned())
        return wrong("gradingCriteria failureCondition", "'maxUnqualified' is a whole number");
      level = "if(unqualified > " + most.dump() + ", 0, " + level + ")";
      add_line(guidance, "", text_of(*failure, "description"));
    }
    calculated("level", "评定等级（" + legend + "）", level);
    if (!guidance.empty()) out["guidance"] = guidance;
    out["items"] = std::move(items);
    return out;
  }

  const IndicatorOptions& options_;
  std::vector<std::vector<Judged>> judged_;  ///< By domain, of its lowest indicators.
  std::set<string> said_;
  IndicatorImport out_;
};

}  // namespace

Result<IndicatorImport> import_indicators(string_view json, const IndicatorOptions& options) {
  return IndicatorReader(options).run(json);
}

}  // namespace dudao
