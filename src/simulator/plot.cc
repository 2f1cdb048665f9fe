#include "simulator/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

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

// What all charts have: a title, a y axis, labels, the names of the series.
class Drawing {
 protected:
  static constexpr double kPlotRight = kWidth - kRight;

  Drawing(double top, double y_from, double y_to) : top_(top) {
    const double step = Step(std::max(y_to - y_from, 1e-9));
    y_ = {y_from, y_from + step * std::max(1.0, std::ceil((y_to - y_from) / step - 1e-9))};
  }

  template <typename... Arguments>
  void Add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    text_ += fmt::format(format, std::forward<Arguments>(arguments)...) + "\n";
  }
  double Y(double value) const {
    return top_ + kHeight - kBottom - y_.Part(value) * (kHeight - kTop - kBottom);
  }
  double bottom() const { return Y(y_.from); }

  void Frame(const std::string& title, const std::string& x_label, const std::string& y_label) {
    Add(R"(<text x="{}" y="{}" class="title">{}</text>)", kLeft, top_ + 22, Escape(title));
    const double y_step = Step(y_.to - y_.from);
    for (double y = y_.from; y <= y_.to + y_step / 1e6; y += y_step) {
      Add(R"(<line x1="{}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="grid"/>)", kLeft, Y(y), kPlotRight,
          Y(y));
      Add(R"(<text x="{}" y="{:.1f}" class="left">{:.6g}</text>)", kLeft - 8, Y(y) + 4, y);
    }
    Add(R"(<line x1="{}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="axis"/>)", kLeft, bottom(), kPlotRight,
        bottom());
    Tick((kLeft + kPlotRight) / 2, 38, x_label);
    const double middle = (bottom() + Y(y_.to)) / 2;
    Add(R"svg(<text x="18" y="{:.1f}" class="middle" transform="rotate(-90 18 {:.1f})">{}</text>)svg", middle,
        middle, Escape(y_label));
  }
  void Tick(double x, double below, const std::string& text) {
    Add(R"(<text x="{:.1f}" y="{:.1f}" class="middle">{}</text>)", x, bottom() + below, Escape(text));
  }
  void Name(size_t series, const std::string& name) {
    const double y = top_ + kTop + 18 * static_cast<double>(series);
    const double x = kPlotRight + 12;
    Add(R"(<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="3"/>)", x, y, x + 20, y,
        Colour(series));
    Add(R"(<text x="{}" y="{}">{}</text>)", x + 28, y + 4, Escape(name));
  }
  static const char* Colour(size_t series) { return kColours[series % std::size(kColours)]; }

  const double top_;
  Range y_;
  std::string text_;
};

class LineDrawing : private Drawing {
 public:
  LineDrawing(const Chart& chart, double top)
      : Drawing(top, chart.y_from, Highest(chart)), chart_(chart), x_(XRange(chart)) {}

  std::string Text() {
    Frame(chart_.title, chart_.x_label, chart_.y_label);
    const double step = Step(x_.to - x_.from);
    for (double x = std::ceil(x_.from / step - 1e-9) * step + 0.0; x <= x_.to + step / 1e6; x += step) {
      Tick(X(x), 18, fmt::format("{:.6g}", x));
    }
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      std::string points;
      ForEachPoint(chart_.series[i], [&](double x, double y) {
        points += fmt::format("{:.1f},{:.1f} ", X(x), Y(std::max(y, y_.from)));
      });
      Add(R"(<polyline points="{}" stroke="{}"/>)", points, Colour(i));
      Name(i, chart_.series[i].name);
    }
    return text_;
  }

 private:
  template <typename Function>
  static void ForEachPoint(const Series& series, const Function& function) {
    for (const auto& [x, y] : series.points) {
      if (std::isfinite(x) && std::isfinite(y)) {
        function(x, y);
      }
    }
  }
  static double Highest(const Chart& chart) {
    double highest = chart.y_from;
    for (const Series& series : chart.series) {
      ForEachPoint(series, [&highest](double, double y) { highest = std::max(highest, y); });
    }
    return highest;
  }
  static Range XRange(const Chart& chart) {
    Range range{INFINITY, -INFINITY};
    for (const Series& series : chart.series) {
      ForEachPoint(series, [&range](double x, double) {
        range = {std::min(range.from, x), std::max(range.to, x)};
      });
    }
    if (range.from > range.to) {
      return {0, 1};
    }
    return {range.from, range.to > range.from ? range.to : range.from + 1};
  }
  double X(double value) const { return kLeft + x_.Part(value) * (kPlotRight - kLeft); }

  const Chart& chart_;
  const Range x_;
};

class BarDrawing : private Drawing {
 public:
  BarDrawing(const BarChart& chart, double top) : Drawing(top, 0, Highest(chart)), chart_(chart) {}

  std::string Text() {
    Frame(chart_.title, "", chart_.y_label);
    const double group =
        (kPlotRight - kLeft) / static_cast<double>(std::max<size_t>(chart_.categories.size(), 1));
    const double bar = 0.8 * group / static_cast<double>(std::max<size_t>(chart_.series.size(), 1));
    for (size_t i = 0; i < chart_.categories.size(); ++i) {
      const double left = kLeft + group * static_cast<double>(i);
      Tick(left + group / 2, 18, chart_.categories[i]);
      for (size_t j = 0; j < chart_.series.size(); ++j) {
        const std::vector<double>& values = chart_.series[j].second;
        if (i < values.size() && std::isfinite(values[i])) {
          const double y = Y(std::max(values[i], 0.0));
          Add(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>)",
              left + 0.1 * group + bar * static_cast<double>(j), y, bar, bottom() - y, Colour(j));
        }
      }
    }
    for (size_t j = 0; j < chart_.series.size(); ++j) {
      Name(j, chart_.series[j].first);
    }
    return text_;
  }

 private:
  static double Highest(const BarChart& chart) {
    double highest = 0;
    for (const auto& [name, values] : chart.series) {
      for (const double value : values) {
        highest = std::isfinite(value) ? std::max(highest, value) : highest;
      }
    }
    return highest;
  }

  const BarChart& chart_;
};

}  // namespace

std::string DrawCharts(const std::vector<Chart>& charts, const std::vector<BarChart>& bars) {
  const double height = kHeight * static_cast<double>(charts.size() + bars.size());
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
  double top = 0;
  for (const Chart& chart : charts) {
    text += LineDrawing(chart, std::exchange(top, top + kHeight)).Text();
  }
  for (const BarChart& chart : bars) {
    text += BarDrawing(chart, std::exchange(top, top + kHeight)).Text();
  }
  return text + "</svg>\n";
}

}  // namespace flexai::simulator
