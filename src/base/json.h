// JSON that comes from another process. Thread safety: functions without state.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace flexai {

// The value, or a discarded one (is_discarded) if `text` is no JSON. A number with a fraction or an exponent
// reads as null: our formats have none, and to make an integer of one that does not fit is undefined.
nlohmann::json ParseJson(std::string_view text);

}  // namespace flexai
