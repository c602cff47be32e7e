// A NIC's state as a JSON value, for the texts that hold one.
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
// Throws Json::exception where `json` is not what ToJson() makes.
NicState NicStateFrom(const Json& json);

// An object, each member on a line of its own. Ends with a newline.
std::string DocumentText(const Json& object);
// Reads a text that DocumentText() wrote: `parse` is called with the object, may throw
// Json::exception, and returns what it has made of it as JSON again. Fails with EBADMSG unless that
// is the same text: cut, another order, 7.0 for 7, a member twice or of another version.
Status ParseDocument(const std::string& operation, std::string_view text,
                     const std::function<Json(const Json&)>& parse);

}  // namespace zcrx
