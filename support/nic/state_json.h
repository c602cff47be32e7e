// A NIC's state as a JSON value, for texts that contain one.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/nic/state.h"

namespace zcrx {

using Json = nlohmann::ordered_json;

Json ToJson(const NicState& state);
// Throws Json::exception unless `json` is the output of ToJson().
NicState NicStateFrom(const Json& json);

// Returns an object as text, one member per line. Ends with a newline.
std::string DocumentText(const Json& object);
// Parses the output of DocumentText(). Calls `parse` with the object; it may throw Json::exception,
// and returns what it parsed as JSON again. Fails with EBADMSG unless that serializes to the same
// text. This detects truncation, another order, 7.0 for 7, duplicate members and those of another
// version.
Status ParseDocument(const std::string& operation, std::string_view text,
                     const std::function<Json(const Json&)>& parse);

}  // namespace zcrx
