#include "simulator/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flexai::simulator {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 360;
constexpr double kLeft = 70;
constexpr double kRight = 150;  // for the names of the series
constexpr double kTop = 40;
constexpr double kBottom = 50;
constexpr int kTicks = 5;
// Told apart also by people who see colours differently: M. Okabe and K. Ito, "Color Universal Design", 2008.
constexpr const char* kColours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                    "#E69F00", "#56B4E9", "#000000"};

std::string Escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '&'   ? "&amp;"
               : c == '<' ? "&lt;"
               : c == '>' ? "&gt;"
               : c == '"' ? "&quot;"
                          : std::string(1, c);
  }
  return escaped;
}

struct Range {
  double from = 0;
  double to = 1;
  double Part(double value) const { return (value - from) / (to - from); }
};

// A round number of which kTicks steps cover the range.
double Step(double range) {
  const double rough = range / kTicks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (power * factor >= rough) {
      return power * factor;
    }
  }
  return power * 10;
}

class Drawing {
 public:
  Drawing(const Chart& chart, double top) : chart_(chart), top_(top) {
    bool any = false;
    double y_to = chart.y_from;
    for (const Series& series : chart.series) {
      for (const auto& [x, y] : series.points) {
        if (std::isfinite(x) && std::isfinite(y)) {
          x_.from = any ? std::min(x_.from, x) : x;
          x_.to = any ? std::max(x_.to, x) : x;
          y_to = std::max(y_to, y);
          any = true;
        }
      }
    }
    x_.to = x_.to > x_.from ? x_.to : x_.from + 1;
    y_.from = chart.y_from;
    const double step = Step(std::max(y_to - y_.from, 1e-9));
    y_.to = y_.from + step * std::max(1.0, std::ceil((y_to - y_.from) / step - 1e-9));
  }

  std::string Text() {
    Add(R"(<text x="{}" y="{}" class="title">{}</text>)", kLeft, top_ + 22, Escape(chart_.title));
    Axes();
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      Line(chart_.series[i], kColours[i % std::size(kColours)], i);
    }
    return text_;
  }

 private:
  template <typename... Arguments>
  void Add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    text_ += fmt::format(format, std::forward<Arguments>(arguments)...) + "\n";
  }
  double X(double value) const { return kLeft + x_.Part(value) * (kWidth - kLeft - kRight); }
  double Y(double value) const {
    return top_ + kHeight - kBottom - y_.Part(value) * (kHeight - kTop - kBottom);
  }

  void Axes() {
    const double bottom = Y(y_.from);
    const double right = X(x_.to);
    const double y_step = Step(y_.to - y_.from);
    for (double y = y_.from; y <= y_.to + y_step / 1e6; y += y_step) {
      Add(R"(<line x1="{}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="grid"/>)", kLeft, Y(y), right, Y(y));
      Add(R"(<text x="{}" y="{:.1f}" class="left">{:.6g}</text>)", kLeft - 8, Y(y) + 4, y);
    }
    const double x_step = Step(x_.to - x_.from);
    for (double x = std::ceil(x_.from / x_step - 1e-9) * x_step + 0.0; x <= x_.to + x_step / 1e6;
         x += x_step) {
      Add(R"(<text x="{:.1f}" y="{:.1f}" class="middle">{:.6g}</text>)", X(x), bottom + 18, x);
    }
    Add(R"(<line x1="{}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="axis"/>)", kLeft, bottom, right, bottom);
    Add(R"(<text x="{:.1f}" y="{:.1f}" class="middle">{}</text>)", (kLeft + right) / 2, bottom + 38,
        Escape(chart_.x_label));
    const double middle = (bottom + Y(y_.to)) / 2;
    Add(R"svg(<text x="18" y="{:.1f}" class="middle" transform="rotate(-90 18 {:.1f})">{}</text>)svg", middle,
        middle, Escape(chart_.y_label));
  }

  void Line(const Series& series, const char* colour, size_t position) {
    std::string points;
    for (const auto& [x, y] : series.points) {
      if (std::isfinite(x) && std::isfinite(y)) {
        points += fmt::format("{:.1f},{:.1f} ", X(x), Y(std::max(y, y_.from)));
      }
    }
    Add(R"(<polyline points="{}" stroke="{}"/>)", points, colour);
    const double y = top_ + kTop + 18 * static_cast<double>(position);
    const double x = kWidth - kRight + 12;
    Add(R"(<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="3"/>)", x, y, x + 20, y, colour);
    Add(R"(<text x="{}" y="{}">{}</text>)", x + 28, y + 4, Escape(series.name));
  }

  const Chart& chart_;
  const double top_;
  Range x_;
  Range y_;
  std::string text_;
};

}  // namespace

std::string DrawCharts(const std::vector<Chart>& charts) {
  const double height = kHeight * static_cast<double>(charts.size());
  std::string text = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}">
<style>
text {{ font: 13px sans-serif; }} .title {{ font-weight: bold; font-size: 15px; }}
.left {{ text-anchor: end; }} .middle {{ text-anchor: middle; }}
.grid {{ stroke: #ddd; }} .axis {{ stroke: #333; }} polyline {{ fill: none; stroke-width: 2; }}
</style>
<rect width="100%" height="100%" fill="white"/>
)",
      kWidth, height);
  for (size_t i = 0; i < charts.size(); ++i) {
    text += Drawing(charts[i], kHeight * static_cast<double>(i)).Text();
  }
  return text + "</svg>\n";
}

}  // namespace flexai::simulator
