// Charts as SVG, for what simulated runs show: curves and bars.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace flexai::simulator {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // by x
};

struct Chart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  // Where the y axis begins; its end, and both ends of the x axis, follow from the points.
  double y_from = 0;
};

// Bars side by side for each category, one of each series.
struct BarChart {
  std::string title;
  std::string y_label;
  std::vector<std::string> categories;
  std::vector<std::pair<std::string, std::vector<double>>> series;  // name, and values by category from 0 on
};

// One SVG document with the charts below each other, bars last. What is not finite is left out.
std::string DrawCharts(const std::vector<Chart>& charts, const std::vector<BarChart>& bars = {});

}  // namespace flexai::simulator
