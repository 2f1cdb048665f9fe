#include "picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace flexai::demo {
namespace {

constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr const char* kColours[] = {"#3b6fb6", "#e08a2c", "#4c9f70", "#8a5fb0"};

struct Panel {
  double left = 70;
  double top = 0;
  double width = 800;
  double height = 110;
};

// The area of one task, on top of `below`, which becomes the upper edge.
std::string Area(const Panel& panel, const std::vector<double>& part, double bin_width,
                 std::vector<double>* below, const char* colour) {
  std::string upper;
  std::string lower;
  const double bottom = panel.top + panel.height;
  for (size_t bin = 0; bin < part.size(); ++bin) {
    const double left = panel.left + static_cast<double>(bin) * bin_width;
    const double low = bottom - (*below)[bin] * panel.height;
    (*below)[bin] += part[bin];
    const double high = bottom - (*below)[bin] * panel.height;
    upper += fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", left, high, left + bin_width, high);
    lower = fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", left + bin_width, low, left, low) + lower;
  }
  return fmt::format("<polygon points=\"{}{}\" fill=\"{}\"/>\n", upper, lower, colour);
}

std::string Text(double x, double y, const char* attributes, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, attributes, text);
}

std::string DrawPanel(const Panel& panel, const RunOutcome& run, const Timeline& timeline,
                      double longest_seconds) {
  const double bin_width = panel.width * timeline.seconds / longest_seconds /
                           static_cast<double>(std::max<size_t>(1, timeline.total.size()));
  std::string svg = Text(panel.left, panel.top - 8, "font-weight=\"bold\"",
                         fmt::format("{}: {:.1f} s, device busy {:.0f} %", run.title, run.makespan_seconds,
                                     DeviceBusy(run) * 100));
  svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#f4f4f4\"/>\n", panel.left,
                     panel.top, panel.width, panel.height);
  std::vector<double> below(timeline.total.size(), 0);
  for (size_t i = 0; i < timeline.tasks.size(); ++i) {
    svg += Area(panel, timeline.tasks[i], bin_width, &below, kColours[i % std::size(kColours)]);
  }
  for (const int percent : {0, 50, 100}) {
    svg += Text(panel.left - 8, panel.top + panel.height * (1 - percent / 100.0) + 4, "text-anchor=\"end\"",
                fmt::format("{} %", percent));
  }
  return svg;
}

// Seconds between the marks of the time axis: 5 to 10 marks.
double TickSeconds(double longest_seconds) {
  double tick = 1;
  for (const double factor : {2.0, 2.5, 2.0, 2.0, 2.5, 2.0}) {
    if (longest_seconds / tick > 10) {
      tick *= factor;
    }
  }
  return tick;
}

}  // namespace

// Tasks one after another are put end to end: the seconds in which the next one starts up are nobody's time.
Timeline MakeTimeline(const RunOutcome& run, double bin_seconds) {
  const bool together = run.makespan_seconds > Span(run) - 1e-6;
  Timeline timeline;
  timeline.seconds = run.makespan_seconds;
  const int bins = std::max(1, static_cast<int>(std::lround(run.makespan_seconds / bin_seconds)));
  std::vector<bench::Interval> all;
  int64_t placed_ns = 0;
  int64_t first_start = run.tasks.front().started_ns;
  for (const TaskOutcome& task : run.tasks) {
    first_start = std::min(first_start, task.started_ns);
  }
  for (const TaskOutcome& task : run.tasks) {
    const int64_t shift = together ? -first_start : placed_ns - task.started_ns;
    std::vector<bench::Interval> moved;
    for (const bench::Interval& interval : task.busy) {
      if (interval.start_ns >= task.started_ns && interval.end_ns <= task.ended_ns) {
        moved.push_back({interval.start_ns + shift, interval.end_ns + shift});
      }
    }
    placed_ns += task.ended_ns - task.started_ns;
    timeline.tasks.push_back(
        bench::Utilisation(bench::Union(moved), 0, static_cast<int64_t>(timeline.seconds * 1e9), bins));
    all.insert(all.end(), moved.begin(), moved.end());
  }
  timeline.total =
      bench::Utilisation(bench::Union(std::move(all)), 0, static_cast<int64_t>(timeline.seconds * 1e9), bins);
  for (int bin = 0; bin < bins; ++bin) {
    const auto at = static_cast<size_t>(bin);
    double sum = 0;
    for (const auto& task : timeline.tasks) {
      sum += task[at];
    }
    for (auto& task : timeline.tasks) {
      task[at] = sum > 0 ? task[at] / sum * timeline.total[at] : 0;
    }
  }
  return timeline;
}

std::string TextPicture(const Demo& demo, int columns) {
  const double longest = demo.one_by_one.makespan_seconds;
  std::string text;
  for (const RunOutcome* run : {&demo.one_by_one, &demo.uncontrolled, &demo.vxpus}) {
    text += fmt::format("{:<26} |", run->title);
    for (const double use : MakeTimeline(*run, longest / columns).total) {
      text += kBlocks[std::clamp(static_cast<int>(std::lround(use * 8)), 0, 8)];
    }
    text += fmt::format("| {:.1f} s\n", run->makespan_seconds);
  }
  return text;
}

std::string SvgPicture(const Demo& demo) {
  const double longest = std::max(
      {demo.one_by_one.makespan_seconds, demo.uncontrolled.makespan_seconds, demo.vxpus.makespan_seconds});
  constexpr double kPanelStep = 160;
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"560\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"900\" height=\"560\" fill=\"white\"/>\n";
  svg += Text(70, 24, "font-size=\"15\"", "Use of one device by several tasks on the same cores");
  Panel panel;
  panel.top = 80;
  for (const RunOutcome* run : {&demo.one_by_one, &demo.uncontrolled, &demo.vxpus}) {
    svg += DrawPanel(panel, *run, MakeTimeline(*run, longest / 200), longest);
    panel.top += kPanelStep;
  }
  const double axis = panel.top - kPanelStep + panel.height + 16;
  for (double second = 0; second <= longest; second += TickSeconds(longest)) {
    svg += Text(panel.left + panel.width * second / longest, axis, "text-anchor=\"middle\"",
                fmt::format("{:.0f} s", second));
  }
  double x = panel.left;
  for (size_t i = 0; i < demo.vxpus.tasks.size(); ++i) {
    svg += fmt::format("<rect x=\"{:.0f}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{}\"/>\n", x,
                       kColours[i % std::size(kColours)]);
    svg += Text(x + 18, 46, "", demo.vxpus.tasks[i].name);
    x += 130;
  }
  return svg + "</svg>\n";
}

}  // namespace flexai::demo
