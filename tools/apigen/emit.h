// What is generated from a Description: each function returns the whole text of one file.
#pragma once

#include <string>

#include "api_description.h"

namespace flexai::apigen {

// Message structs with encoder and decoder; used by shim and executor, libc-only.
std::string EmitCalls(const Description& description, const std::string& api);
// The executor's dispatch and the visitor of effects.
std::string EmitDispatch(const Description& description, const std::string& api);
// One macro line per function of the application's API, in dispatch-table order.
std::string EmitFunctions(const Description& description, const std::string& api);
// The reference for people: docs/formats/<api>-calls.md.
std::string EmitDocument(const Description& description, const std::string& api);
// "ID NAME" a line: the list that releases are checked against.
std::string EmitIds(const Description& description);

}  // namespace flexai::apigen
