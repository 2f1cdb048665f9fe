#include "simulator/rules_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "simulator/csv.h"

namespace flexai::simulator {
namespace {

using placement::Selector;
using placement::Spread;
using placement::Taint;
using placement::Toleration;

constexpr std::string_view kEveryTaint = "*";
constexpr std::array<std::string_view, 4> kOperators = {"in", "notin", "exists", "doesnotexist"};

bool IsWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._/-").find(c) != std::string_view::npos;
  });
}

// What stands before and after the first separator; the second is absent if there is none.
std::pair<std::string_view, std::optional<std::string_view>> Cut(std::string_view text, char separator) {
  const size_t at = text.find(separator);
  return at == std::string_view::npos ? std::pair(text, std::optional<std::string_view>())
                                      : std::pair(text.substr(0, at), std::optional(text.substr(at + 1)));
}

// A list of what `parse`, std::optional<Item>(std::string_view), makes of each part.
template <typename Item, typename Parse>
std::optional<std::vector<Item>> ParseList(std::string_view text, char separator, Parse parse) {
  std::vector<Item> items;
  if (text.empty()) {
    return items;
  }
  for (const std::string_view part : Split(text, separator)) {
    std::optional<Item> item = parse(part);
    if (!item.has_value()) {
      return std::nullopt;
    }
    items.push_back(std::move(*item));
  }
  return items;
}

template <typename Item, typename Text>
std::string ListText(std::span<const Item> items, char separator, Text text) {
  std::string all;
  for (const Item& item : items) {
    all += (all.empty() ? "" : std::string(1, separator)) + text(item);
  }
  return all;
}

// "key=value" or "key", which has an empty value.
template <typename Pair>
std::optional<Pair> ParsePair(std::string_view text) {
  const auto [key, value] = Cut(text, '=');
  if (!IsWord(key) || (value.has_value() && !IsWord(*value))) {
    return std::nullopt;
  }
  return Pair{std::string(key), std::string(value.value_or(""))};
}

std::string PairText(const std::string& key, const std::string& value) {
  return value.empty() ? key : key + "=" + value;
}

std::optional<std::string> ParseWord(std::string_view text) {
  return IsWord(text) ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<Selector> ParseSelector(std::string_view text) {
  const auto [key, condition] = Cut(text, ' ');
  const auto [name, values] = Cut(condition.value_or(""), ' ');
  const auto op = std::find(kOperators.begin(), kOperators.end(), name);
  if (!IsWord(key) || op == kOperators.end()) {
    return std::nullopt;
  }
  Selector selector{std::string(key), static_cast<Selector::Operator>(op - kOperators.begin()), {}};
  const bool has_values = selector.op == Selector::kIn || selector.op == Selector::kNotIn;
  if (has_values != values.has_value() || (has_values && values->empty())) {
    return std::nullopt;
  }
  std::optional<std::vector<std::string>> list = ParseLabelNames(values.value_or(""));
  if (!list.has_value()) {
    return std::nullopt;
  }
  selector.values = std::move(*list);
  return selector;
}

std::optional<Spread> ParseSpread(std::string_view text) {
  const auto [label, number] = Cut(text, ':');
  const std::string_view digits = number.value_or("");
  Spread spread{std::string(label), 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), spread.max_skew);
  const bool good = IsWord(label) && error == std::errc() && end == digits.data() + digits.size();
  return good && spread.max_skew >= 1 ? std::optional(spread) : std::nullopt;
}

}  // namespace

std::optional<Labels> ParseLabels(std::string_view text) {
  Labels labels;
  if (text.empty()) {
    return labels;
  }
  for (const std::string_view part : Split(text, '|')) {
    const auto [key, value] = Cut(part, '=');
    if (!IsWord(key) || !value.has_value() || !(value->empty() || IsWord(*value)) ||
        !labels.emplace(key, *value).second) {
      return std::nullopt;
    }
  }
  return labels;
}

std::optional<std::vector<Taint>> ParseTaints(std::string_view text) {
  return ParseList<Taint>(text, '|', ParsePair<Taint>);
}

std::optional<std::vector<Toleration>> ParseTolerations(std::string_view text) {
  return ParseList<Toleration>(text, '|', [](std::string_view part) {
    return part == kEveryTaint ? std::optional(Toleration()) : ParsePair<Toleration>(part);
  });
}

std::optional<std::vector<Selector>> ParseSelectors(std::string_view text) {
  return ParseList<Selector>(text, ';', ParseSelector);
}

std::optional<std::vector<Spread>> ParseSpreads(std::string_view text) {
  return ParseList<Spread>(text, '|', ParseSpread);
}

std::optional<std::vector<std::string>> ParseLabelNames(std::string_view text) {
  return ParseList<std::string>(text, '|', ParseWord);
}

std::string LabelsText(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    text += fmt::format("{}{}={}", text.empty() ? "" : "|", key, value);
  }
  return text;
}

std::string TaintsText(std::span<const Taint> taints) {
  return ListText(taints, '|', [](const Taint& taint) { return PairText(taint.key, taint.value); });
}

std::string TolerationsText(std::span<const Toleration> tolerations) {
  return ListText(tolerations, '|', [](const Toleration& toleration) {
    return toleration.key.empty() ? std::string(kEveryTaint) : PairText(toleration.key, toleration.value);
  });
}

std::string SelectorsText(std::span<const Selector> selectors) {
  return ListText(selectors, ';', [](const Selector& selector) {
    const std::string text = fmt::format("{} {}", selector.key, kOperators[static_cast<size_t>(selector.op)]);
    return selector.values.empty() ? text : text + " " + LabelNamesText(selector.values);
  });
}

std::string SpreadsText(std::span<const Spread> spreads) {
  return ListText(spreads, '|',
                  [](const Spread& spread) { return fmt::format("{}:{}", spread.label, spread.max_skew); });
}

std::string LabelNamesText(std::span<const std::string> names) {
  return fmt::format("{}", fmt::join(names, "|"));
}

}  // namespace flexai::simulator
