#include "agent/json_schema.hpp"

#include "platform/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

bool has_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer")
    return value.is_number_integer() &&
           (!value.is_number_unsigned() ||
            value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (type == "null") return value.is_null();
  return false;
}

Status check_type(const json& value, const json& types, const std::string& place) {
  const bool fits = types.is_string() ? has_type(value, types.get<std::string>())
                                      : std::any_of(types.begin(), types.end(), [&](const json& type) {
                                          return has_type(value, type.get<std::string>());
                                        });
  return fits ? Status() : fail(Code::kParameterWrong, place + " must be " + types.dump());
}

Status check_object(const json& value, const json& schema, const json& document, const std::string& place) {
  for (const json& name : schema.value("required", json::array()))
    if (!value.contains(name.get<std::string>()))
      return fail(Code::kParameterWrong, place + "." + name.get<std::string>() + " is missing");
  const json properties = schema.value("properties", json::object());
  for (const auto& [name, member] : value.items()) {
    if (properties.contains(name)) {
      DUDAO_CHECK(check_json(member, properties[name], document, place + "." + name));
    } else if (!schema.value("additionalProperties", true)) {
      return fail(Code::kParameterWrong, place + "." + name.substr(0, 60) + " is unknown");
    }
  }
  return {};
}

}  // namespace

Status check_json(const json& value, const json& schema, const json& document, const std::string& place) {
  if (schema.contains("$ref")) {
    const std::string pointer = schema["$ref"].get<std::string>().substr(1);
    return check_json(value, document.at(json::json_pointer(pointer)), document, place);
  }
  if (schema.contains("type")) DUDAO_CHECK(check_type(value, schema["type"], place));
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return fail(Code::kParameterWrong, place + " must be one of " + schema["enum"].dump());
  if (value.is_string()) {
    const std::size_t length = count_characters(value.get_ref<const std::string&>());
    if (length < schema.value("minLength", std::size_t{0})) return fail(Code::kParameterWrong, place + " is too short");
    if (length > schema.value("maxLength", length)) return fail(Code::kParameterWrong, place + " is too long");
  }
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (number < schema.value("minimum", number)) return fail(Code::kParameterWrong, place + " is too small");
    if (number > schema.value("maximum", number)) return fail(Code::kParameterWrong, place + " is too large");
  }
  if (value.is_object()) return check_object(value, schema, document, place);
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      DUDAO_CHECK(check_json(value[i], schema["items"], document, place + "[" + std::to_string(i) + "]"));
  return {};
}

}  // namespace dudao
