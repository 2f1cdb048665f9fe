#include "api_description.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace flexai::apigen {
namespace {

const std::set<std::string> kTypes{"u32",  "u64",  "i32",   "i64",     "id",    "ref",
                                   "refs", "u64s", "bytes", "payload", "region"};
const std::vector<Field> kEnqueueFields{
    {"ref", "queue"}, {"refs", "waits"}, {"id", "event"}, {"u32", "event_slot"}, {"u32", "command_type"}};

class Parser {
 public:
  Result<Description> Parse(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    for (line_ = 1; std::getline(lines, line); ++line_) {
      FLEXAI_RETURN_IF_ERROR(ParseLine(line));
    }
    for (const Call& call : result_.calls) {
      FLEXAI_RETURN_IF_ERROR(CheckEffect(call));
    }
    FLEXAI_RETURN_IF_ERROR(CheckFunctions());
    result_.hash = Hash();
    return std::move(result_);
  }

 private:
  Status Error(const std::string& what) const {
    return InvalidArgument(fmt::format("line {}: {}", line_, what));
  }

  Status ParseLine(const std::string& line) {
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string::npos) {
      return {};
    }
    if (line[start] == '#') {
      if (start > 0 && !result_.calls.empty()) {
        result_.calls.back().comment.push_back(line.substr(std::min(line.size(), start + 2)));
      }
      return {};
    }
    std::istringstream words(line);
    std::vector<std::string> parts;
    for (std::string word; words >> word;) {
      parts.push_back(word);
    }
    if (parts[0] == "call") {
      return ParseCall(parts);
    }
    if (parts[0] == "function") {
      return ParseFunction(parts);
    }
    if (result_.calls.empty()) {
      return Error(fmt::format("'{}' before the first call", parts[0]));
    }
    if (parts[0] == "effect") {
      return ParseEffect(parts);
    }
    const bool returned = parts[0] == "returns";
    const size_t at = returned ? 1 : 0;
    if (parts.size() != at + 2 || !kTypes.contains(parts[at])) {
      return Error(fmt::format("expected [returns] TYPE NAME, found '{}'", line));
    }
    (returned ? result_.calls.back().returns : result_.calls.back().fields)
        .push_back({parts[at], parts[at + 1]});
    return {};
  }

  Status ParseCall(const std::vector<std::string>& parts) {
    Call call;
    if (parts.size() < 3 || parts[1].find_first_not_of("0123456789") != std::string::npos) {
      return Error("expected: call ID NAME [reply] [enqueue]");
    }
    call.id = static_cast<uint32_t>(std::stoul(parts[1]));
    call.name = parts[2];
    for (size_t i = 3; i < parts.size(); ++i) {
      if (parts[i] != "reply" && parts[i] != "enqueue") {
        return Error(fmt::format("unknown attribute '{}'", parts[i]));
      }
      (parts[i] == "reply" ? call.reply : call.enqueue) = true;
    }
    for (const Call& other : result_.calls) {
      if (other.id == call.id || other.name == call.name) {
        return Error(fmt::format("call {} {} is taken by {} {}", call.id, call.name, other.id, other.name));
      }
    }
    if (call.enqueue) {
      call.fields = kEnqueueFields;
    }
    result_.calls.push_back(std::move(call));
    return {};
  }

  Status ParseEffect(const std::vector<std::string>& parts) {
    Effect& effect = result_.calls.back().effect;
    const std::string& kind = parts.size() > 1 ? parts[1] : parts[0];
    size_t next = parts.size();
    if (kind == "none" && parts.size() == 2) {
      return {};
    }
    if (kind == "destroys" && parts.size() == 3) {
      effect = {Effect::Kind::kDestroys, parts[2], "", {}};
    } else if (kind == "creates" && parts.size() >= 6 && parts[4] == "parents") {
      effect = {Effect::Kind::kCreates, parts[2], parts[3], {}};
      next = 5;
    } else if (kind == "mutates" && (parts.size() == 3 || (parts.size() == 5 && parts[3] == "key"))) {
      effect = {Effect::Kind::kMutates, parts[2], "", {}};
      next = 4;
    } else {
      return Error("expected: effect none | creates F KIND parents F... | mutates F [key F] | destroys F");
    }
    for (; next < parts.size(); ++next) {
      effect.related.push_back(parts[next]);
    }
    return {};
  }

  Status ParseFunction(const std::vector<std::string>& parts) {
    if (parts.size() < 3) {
      return Error("expected: function NAME call|local|unsupported ...");
    }
    Function function{parts[1], parts[2], {}, ""};
    for (size_t i = 3; i < parts.size(); ++i) {
      if (function.how == "call") {
        function.calls.push_back(parts[i]);
      } else {
        function.reason += (i > 3 ? " " : "") + parts[i];
      }
    }
    const bool valid = (function.how == "call" && !function.calls.empty()) ||
                       (function.how == "local" && function.reason.empty()) ||
                       (function.how == "unsupported" && !function.reason.empty());
    if (!valid) {
      return Error("expected: call NAME..., local, or unsupported REASON");
    }
    result_.functions.push_back(std::move(function));
    return {};
  }

  static Status CheckEffect(const Call& call) {
    const auto known = [&](const std::string& name) {
      return std::any_of(call.fields.begin(), call.fields.end(),
                         [&](const Field& field) { return field.name == name; });
    };
    if (call.effect.kind == Effect::Kind::kNone) {
      return {};
    }
    std::vector<std::string> names = call.effect.related;
    names.push_back(call.effect.field);
    for (const std::string& name : names) {
      if (!known(name)) {
        return InvalidArgument(
            fmt::format("call {}: its effect names '{}', which is no field", call.name, name));
      }
    }
    return {};
  }

  Status CheckFunctions() const {
    for (const Function& function : result_.functions) {
      for (const std::string& name : function.calls) {
        if (std::none_of(result_.calls.begin(), result_.calls.end(),
                         [&](const Call& c) { return c.name == name; })) {
          return InvalidArgument(fmt::format("function {} names the unknown call {}", function.name, name));
        }
      }
    }
    return {};
  }

  uint64_t Hash() const {
    std::string text;
    for (const Call& call : result_.calls) {
      text += fmt::format("{} {} {}\n", call.id, call.name, call.reply);
      for (const Field& field : call.fields) {
        text += fmt::format("{} {}\n", field.type, field.name);
      }
      for (const Field& field : call.returns) {
        text += fmt::format("returns {} {}\n", field.type, field.name);
      }
    }
    uint64_t hash = 0xcbf29ce484222325ull;
    for (const char c : text) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    }
    return hash;
  }

  size_t line_ = 0;
  Description result_;
};

}  // namespace

Result<Description> ParseDescription(const std::string& text) { return Parser().Parse(text); }

}  // namespace flexai::apigen
