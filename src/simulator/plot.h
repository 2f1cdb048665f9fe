// Line charts as SVG, for the curves of simulated runs.
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

// One SVG document with the charts below each other. Points that are not finite are left out.
std::string DrawCharts(const std::vector<Chart>& charts);

}  // namespace flexai::simulator
