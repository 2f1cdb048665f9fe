#include "placement/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace flexai::placement {

Result<Links> Links::Make(std::vector<std::string> domains, std::span<const LinkSpec> links) {
  if (domains.empty() || domains.size() > static_cast<size_t>(kMostDomains)) {
    return InvalidArgument(
        fmt::format("there are {} network domains, expected 1 to {}", domains.size(), kMostDomains));
  }
  Links made;
  made.domains_ = std::move(domains);
  made.number_.assign(made.domains_.size() * made.domains_.size(), kNone);
  const auto known = [&made](int32_t domain) {
    return domain >= 0 && static_cast<size_t>(domain) < made.domains_.size();
  };
  for (const LinkSpec& link : links) {
    if (!known(link.from) || !known(link.to)) {
      return InvalidArgument(fmt::format("a link joins domains {} and {}, expected numbers below {}",
                                         link.from, link.to, made.domains_.size()));
    }
    const std::string name =
        fmt::format("the link between '{}' and '{}'", made.domain(link.from), made.domain(link.to));
    if (link.mbit < 0 || link.mbit > kMostMbit || link.latency < Nanos{}) {
      return InvalidArgument(
          fmt::format("{} has {} Mbit/s and a latency of {} ns, expected 0 to {} and 0 or more", name,
                      link.mbit, link.latency.value, kMostMbit));
    }
    if (made.Find(link.from, link.to) != kNone) {
      return InvalidArgument(name + " is there twice: a link joins both directions");
    }
    for (const auto& [from, to] : {std::pair(link.from, link.to), std::pair(link.to, link.from)}) {
      made.number_[static_cast<size_t>(from) * made.domains_.size() + static_cast<size_t>(to)] =
          static_cast<int32_t>(made.links_.size());
    }
    made.links_.push_back({link, link.mbit});
  }
  return made;
}

bool Links::HasRoom(int32_t from, int32_t to, int32_t mbit) const {
  if (!described()) {
    return true;
  }
  const int32_t link = Find(from, to);
  return link != kNone && links_[static_cast<size_t>(link)].free_mbit >= mbit;
}

Nanos Links::Latency(int32_t from, int32_t to) const {
  const int32_t link = described() ? Find(from, to) : kNone;
  return link == kNone ? Nanos{} : links_[static_cast<size_t>(link)].spec.latency;
}

Status Links::Take(int32_t from, int32_t to, int32_t mbit) {
  if (!HasRoom(from, to, mbit)) {
    const int32_t link = Find(from, to);
    return ResourceExhausted(
        link == kNone
            ? fmt::format("there is no link between '{}' and '{}'", domain(from), domain(to))
            : fmt::format("the link between '{}' and '{}' has {} Mbit/s left, and the task reserves {}",
                          domain(from), domain(to), links_[static_cast<size_t>(link)].free_mbit, mbit));
  }
  if (described()) {
    links_[static_cast<size_t>(Find(from, to))].free_mbit -= mbit;
  }
  return {};
}

void Links::Give(int32_t from, int32_t to, int32_t mbit) {
  if (described()) {
    Link& link = links_[static_cast<size_t>(Find(from, to))];
    link.free_mbit += mbit;
    assert(link.free_mbit <= link.spec.mbit);
  }
}

Links Links::Idle() const {
  Links idle = *this;
  for (Link& link : idle.links_) {
    link.free_mbit = link.spec.mbit;
  }
  return idle;
}

bool Links::SameRoom(const Links& other) const {
  return std::equal(links_.begin(), links_.end(), other.links_.begin(), other.links_.end(),
                    [](const Link& a, const Link& b) { return a.free_mbit == b.free_mbit; });
}

}  // namespace flexai::placement
