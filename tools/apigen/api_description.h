// The call description language (src/api/*/*.api) as a parsed model. The language is explained at the head of
// src/api/opencl/opencl.api.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace flexai::apigen {

struct Field {
  std::string type;  // u32 u64 i32 i64 id ref refs u64s bytes payload region
  std::string name;
};

struct Effect {
  enum class Kind { kNone, kCreates, kMutates, kDestroys };
  Kind kind = Kind::kNone;
  std::string field;
  std::string object_kind;           // creates
  std::vector<std::string> related;  // creates: parents; mutates: key
};

struct Call {
  uint32_t id = 0;
  std::string name;
  bool reply = false;
  bool enqueue = false;
  std::vector<Field> fields;  // with the common fields of an enqueue first
  std::vector<Field> returns;
  Effect effect;
  std::vector<std::string> comment;
};

struct Function {
  std::string name;
  std::string how;                 // call, local, unsupported
  std::vector<std::string> calls;  // how == call
  std::string reason;              // how == unsupported
};

struct Description {
  std::vector<Call> calls;
  std::vector<Function> functions;
  // FNV-1a over what both sides must agree on: ids, names, field types and order. Comments don't count.
  uint64_t hash = 0;
};

// Errors name the line and what was expected there.
Result<Description> ParseDescription(const std::string& text);

}  // namespace flexai::apigen
