// Labels, taints and the rules that look at them, as texts in one field of a file.
//
// Keys and values are words of letters, digits and ._/-, so that no separator is among them. Each parser
// gives nothing for a text that is not of its form, and an empty list for an empty one. What a *Text function
// makes is read as the same again. Thread safety: values.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "placement/constraints.h"

namespace flexai::simulator {

using Labels = std::map<std::string, std::string>;

std::optional<Labels> ParseLabels(std::string_view text);                         // "zone=a|disk=ssd"
std::optional<std::vector<placement::Taint>> ParseTaints(std::string_view text);  // "team=ml|old"
std::optional<std::vector<placement::Toleration>> ParseTolerations(std::string_view text);  // or "*": all
// "zone in a|b;disk exists;gen notin x;old doesnotexist": all of them must hold.
std::optional<std::vector<placement::Selector>> ParseSelectors(std::string_view text);
std::optional<std::vector<placement::Spread>> ParseSpreads(std::string_view text);  // "zone:1|rack:2"
std::optional<std::vector<std::string>> ParseLabelNames(std::string_view text);     // "host|zone"

std::string LabelsText(const Labels& labels);
std::string TaintsText(std::span<const placement::Taint> taints);
std::string TolerationsText(std::span<const placement::Toleration> tolerations);
std::string SelectorsText(std::span<const placement::Selector> selectors);
std::string SpreadsText(std::span<const placement::Spread> spreads);
std::string LabelNamesText(std::span<const std::string> names);

}  // namespace flexai::simulator
