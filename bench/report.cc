#include "report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <sstream>

#include "os/files.h"
#include "os/process.h"

namespace flexai::bench {
namespace {

std::string Number(double value) {
  const double size = value < 0 ? -value : value;
  if (size >= 1000) {
    return fmt::format("{:.0f}", value);
  }
  return size >= 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.4f}", value);
}

std::string Number(const std::optional<double>& value) { return value ? Number(*value) : "-"; }

std::string CpuModel() {
  const auto text = os::ReadFile("/proc/cpuinfo");
  if (text.ok()) {
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos) {
        return line.substr(line.find(": ") + 2);
      }
    }
  }
  return "unknown processor";
}

std::string Run(std::string program, std::vector<std::string> arguments) {
  os::SpawnOptions options;
  options.program = std::move(program);
  options.arguments = std::move(arguments);
  options.environment = os::Environment();
  const auto output = os::RunAndCapture(std::move(options), Seconds(10));
  if (!output.ok() || output->exit.signaled || output->exit.value != 0) {
    return "";
  }
  std::string text = output->out;
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

}  // namespace

Measurement WithReference(Measurement measurement, double reference) {
  measurement.reference = reference;
  if (reference != 0) {
    measurement.ratio = measurement.value / reference;
  }
  return measurement;
}

std::string FormatTable(const std::vector<Measurement>& results) {
  std::vector<std::vector<std::string>> rows{
      {"name", "value", "unit", "reference", "ratio", "target", "met"}};
  for (const Measurement& row : results) {
    rows.push_back({row.name, Number(row.value), row.unit, Number(row.reference), Number(row.ratio),
                    row.target.empty() ? "-" : row.target, row.met ? (*row.met ? "yes" : "NO") : "-"});
  }
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool number = i == 1 || i == 3 || i == 4;
      line +=
          number ? fmt::format("{:>{}}  ", row[i], widths[i]) : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

std::string ToJson(const Report& report) {
  nlohmann::ordered_json json{{"suite", report.suite},
                              {"machine", report.machine},
                              {"date", report.date},
                              {"commit", report.commit},
                              {"results", nlohmann::ordered_json::array()}};
  for (const Measurement& row : report.results) {
    nlohmann::ordered_json result{{"name", row.name}, {"value", row.value}, {"unit", row.unit}};
    result["reference"] = row.reference ? nlohmann::ordered_json(*row.reference) : nullptr;
    result["ratio"] = row.ratio ? nlohmann::ordered_json(*row.ratio) : nullptr;
    result["target"] = row.target.empty() ? nullptr : nlohmann::ordered_json(row.target);
    result["met"] = row.met ? nlohmann::ordered_json(*row.met) : nullptr;
    if (!row.note.empty()) {
      result["note"] = row.note;
    }
    json["results"].push_back(std::move(result));
  }
  return json.dump(2) + "\n";
}

std::string DescribeMachine() {
  utsname name{};
  uname(&name);
  struct sysinfo memory {};
  sysinfo(&memory);
  const double gib = static_cast<double>(memory.totalram) * memory.mem_unit / (1 << 30);
  return fmt::format("{}, {} cores, {:.0f} GiB, Linux {}", CpuModel(), get_nprocs(), gib, name.release);
}

std::string UtcNow() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

std::string CurrentCommit(const std::string& source_folder) {
  if (access((source_folder + "/.git").c_str(), F_OK) != 0) {
    return "unknown";
  }
  const std::string commit = Run("/usr/bin/git", {"-C", source_folder, "rev-parse", "HEAD"});
  if (commit.empty()) {
    return "unknown";
  }
  const std::string changes =
      Run("/usr/bin/git", {"-C", source_folder, "status", "--porcelain", "--untracked-files=no"});
  return changes.empty() ? commit : commit + "-dirty";
}

}  // namespace flexai::bench
