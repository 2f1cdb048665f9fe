#include "base/json.h"

#include <nlohmann/json.hpp>

namespace flexai {

nlohmann::json ParseJson(std::string_view text) {
  using nlohmann::json;
  const auto keep_integers = [](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::value && value.is_number_float()) {
      value = nullptr;
    }
    return true;
  };
  return json::parse(text, keep_integers, /*allow_exceptions=*/false);
}

}  // namespace flexai
