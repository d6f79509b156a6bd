// Comparisons as pages (see the header). Charts are SVG that is written here; a script of a few
// lines sorts the table.

#include "lib/Quantize/PrecisionPage.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

namespace tenon::quantize {

/// Charts are this wide, in SVG's units.
static constexpr double chartWidth = 960, chartHeight = 300, leftMargin = 52, bottomMargin = 26,
                        topMargin = 12;
/// Losses beyond this are drawn as this: nobody sees a difference.
static constexpr double mostDecibels = 80;
static constexpr size_t worstTensors = 12;

static constexpr llvm::StringLiteral style = R"(
:root { color-scheme: light dark; --text: #1d2330; --quiet: #667085; --line: #d9dee7;
  --page: #f6f7fa; --card: #ffffff; --before: #8a94a6; --after: #2f6fed; --bad: #d6453d;
  --fair: #e0982b; --good: #2c9a5b; }
@media (prefers-color-scheme: dark) { :root { --text: #e7eaf0; --quiet: #98a2b3; --line: #333b49;
  --page: #14181f; --card: #1c222c; --before: #7b8698; --after: #6c9cff; --bad: #f07069;
  --fair: #f0b254; --good: #55c286; } }
body { margin: 0 auto; padding: 28px; max-width: 1080px; background: var(--page);
  color: var(--text); font: 14px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 16px; margin: 32px 0 8px; }
p { margin: 4px 0; color: var(--quiet); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px;
  margin-top: 20px; }
.card, .chart, .small { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 12px 16px; }
.card b { display: block; font-size: 18px; white-space: nowrap; } .card span { color: var(--quiet); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 12px; }
.small h3 { font-size: 13px; margin: 0; overflow-wrap: anywhere; }
.small p { font-size: 12px; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; background: var(--card); font-size: 13px; }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line);
  white-space: nowrap; } th { cursor: pointer; color: var(--quiet); font-weight: 600; }
td.name, th.name { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; }
.key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 4px 0 12px; }
)";

static constexpr llvm::StringLiteral script = R"(
document.querySelectorAll('th').forEach((head, column) => head.addEventListener('click', () => {
  const body = document.querySelector('tbody'), down = head.dataset.down !== '1';
  const keyOf = row => { const key = row.cells[column].dataset.key ?? row.cells[column].innerText;
    return isNaN(key) ? key : Number(key); };
  const rows = [...body.rows].sort((a, b) => { const x = keyOf(a), y = keyOf(b);
    return (x > y ? 1 : x < y ? -1 : 0) * (down ? -1 : 1); });
  head.dataset.down = down ? '1' : '0';
  body.append(...rows);
}));
)";

static std::string escape(llvm::StringRef text) {
  std::string result;
  for (char c : text)
    if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  return result;
}

static std::string formatDecibels(double decibels) {
  if (std::isinf(decibels))
    return decibels > 0 ? "exact" : "broken";
  return llvm::formatv("{0:F1} dB", decibels);
}

/// A number of three digits or so.
static std::string formatShort(double number) {
  double size = std::abs(number);
  if (size != 0 && (size < 0.001 || size >= 1e6))
    return llvm::formatv("{0:E2}", number);
  return size >= 100 ? llvm::formatv("{0:F0}", number) : llvm::formatv("{0:F3}", number);
}

static std::string formatTime(double nanoseconds) {
  return nanoseconds < 1e6 ? llvm::formatv("{0:F1} µs", nanoseconds / 1e3)
                           : llvm::formatv("{0:F2} ms", nanoseconds / 1e6);
}

static double clampDecibels(double decibels) { return std::clamp(decibels, 0.0, mostDecibels); }

static llvm::StringRef colorOf(double decibels) {
  return decibels < 15 ? "var(--bad)" : decibels < 30 ? "var(--fair)" : "var(--good)";
}

namespace {

/// Writes one page.
class Page {
public:
  explicit Page(const PrecisionComparison &comparison)
      : comparison(comparison), sorted(comparison.sortByLoss()), out(text) {}

  std::string write();

private:
  void writeCard(const llvm::Twine &value, const llvm::Twine &label);
  void writeCards();
  void writeDepthChart();
  void writeWorst();
  void writeHistogram(const TensorComparison &tensor);
  void writeTable();

  const PrecisionComparison &comparison;
  std::vector<const TensorComparison *> sorted;
  std::string text;
  llvm::raw_string_ostream out;
};

} // namespace

void Page::writeCard(const llvm::Twine &value, const llvm::Twine &label) {
  out << "<div class=\"card\"><b>" << escape(value.str()) << "</b><span>" << escape(label.str())
      << "</span></div>\n";
}

void Page::writeCards() {
  out << "<div class=\"cards\">\n";
  double worst = INFINITY;
  for (const TensorComparison *tensor : sorted)
    if (tensor->isOutput)
      worst = std::min(worst, tensor->loss.sqnr());
  writeCard(formatDecibels(worst), "signal to noise of the worst output");
  auto ratio = [](double before, double after) { return after > 0 ? before / after : 1; };
  writeCard(formatTime(comparison.timeBefore) + " → " + formatTime(comparison.timeAfter),
            llvm::formatv("kernels of a run, {0:F2} times as fast",
                          ratio(comparison.timeBefore, comparison.timeAfter))
                .str());
  auto before = static_cast<double>(comparison.weightsBefore),
       after = static_cast<double>(comparison.weightsAfter);
  writeCard(
      llvm::formatv("{0:F2} MB → {1:F2} MB", before / 1e6, after / 1e6).str(),
      llvm::formatv("weights, {0:F0}% of before", before > 0 ? 100 * after / before : 100).str());
  writeCard(llvm::Twine(comparison.kernelsBefore) + " → " + llvm::Twine(comparison.kernelsAfter),
            "kernels");
  out << "</div>\n";
}

void Page::writeDepthChart() {
  double plotWidth = chartWidth - leftMargin - 8,
         plotHeight = chartHeight - bottomMargin - topMargin;
  auto xOf = [&](size_t number) {
    return leftMargin + plotWidth * (static_cast<double>(number) + 0.5) /
                            static_cast<double>(comparison.tensors.size());
  };
  auto yOf = [&](double decibels) {
    return topMargin + plotHeight * (1 - clampDecibels(decibels) / mostDecibels);
  };
  out << llvm::formatv("<div class=\"chart\"><svg viewBox=\"0 0 {0} {1}\" role=\"img\">\n",
                       chartWidth, chartHeight);
  for (int decibels = 0; decibels <= mostDecibels; decibels += 20)
    out << llvm::formatv("<line x1=\"{0}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\" "
                         "stroke=\"var(--line)\"/><text x=\"{3}\" y=\"{4}\" "
                         "text-anchor=\"end\">{5} dB</text>\n",
                         leftMargin, chartWidth - 8, yOf(decibels), leftMargin - 6,
                         yOf(decibels) + 4, decibels);
  out << "<polyline fill=\"none\" stroke=\"var(--before)\" stroke-opacity=\"0.5\" points=\"";
  for (auto [number, tensor] : llvm::enumerate(comparison.tensors))
    out << llvm::formatv("{0:F1},{1:F1} ", xOf(number), yOf(tensor.loss.sqnr()));
  out << "\"/>\n";
  for (auto [number, tensor] : llvm::enumerate(comparison.tensors))
    out << llvm::formatv(
        "<circle cx=\"{0:F1}\" cy=\"{1:F1}\" r=\"{2}\" fill=\"{3}\"{4}><title>{5} ({6}, {7}): "
        "{8}{9}</title></circle>\n",
        xOf(number), yOf(tensor.loss.sqnr()), tensor.isOutput ? 6 : 3.5,
        colorOf(tensor.loss.sqnr()), tensor.isOutput ? " stroke=\"var(--text)\"" : "",
        escape(tensor.tensor), escape(tensor.node), escape(tensor.op),
        formatDecibels(tensor.loss.sqnr()), tensor.isOutput ? ", output" : "");
  out << llvm::formatv("<text x=\"{0}\" y=\"{1}\">first tensor</text><text x=\"{2}\" y=\"{1}\" "
                       "text-anchor=\"end\">last</text></svg></div>\n",
                       leftMargin, chartHeight - 6, chartWidth - 8);
}

/// How many numbers each of equally wide columns between two numbers has.
static std::vector<double> sumColumns(const Histogram &histogram, double low, double high,
                                      size_t columns) {
  std::vector<double> sums(columns, 0);
  auto add = [&](double number, int64_t count) {
    double position = (number - low) / (high - low) * static_cast<double>(columns);
    auto column = static_cast<int64_t>(position);
    sums[std::clamp<int64_t>(column, 0, static_cast<int64_t>(columns) - 1)] +=
        static_cast<double>(count);
  };
  for (auto [bin, count] : llvm::enumerate(histogram.bins()))
    if (count)
      add(std::clamp<double>(histogram.center(bin), histogram.min(), histogram.max()), count);
  if (histogram.zeros())
    add(0, histogram.zeros());
  return sums;
}

// Counts are drawn by their logarithms: tails are what matters.
void Page::writeHistogram(const TensorComparison &tensor) {
  constexpr size_t columns = 120;
  constexpr double width = 300, height = 110;
  double low = std::min(tensor.reference.min(), tensor.lowered.min()),
         high = std::max(tensor.reference.max(), tensor.lowered.max());
  if (!(low < high)) {
    low -= 0.5;
    high += 0.5;
  }
  std::vector<double> before = sumColumns(tensor.reference, low, high, columns),
                      after = sumColumns(tensor.lowered, low, high, columns);
  double most = 1;
  for (const std::vector<double> *sums : {&before, &after})
    for (double sum : *sums)
      most = std::max(most, sum);
  auto yOf = [&](double sum) {
    return height - 14 - (height - 20) * std::log1p(sum) / std::log1p(most);
  };
  auto writePath = [&](const std::vector<double> &sums, llvm::StringRef attributes) {
    out << "<path " << attributes << " d=\"M0," << yOf(0);
    for (auto [column, sum] : llvm::enumerate(sums)) {
      double left = width * static_cast<double>(column) / columns;
      out << llvm::formatv(" L{0:F1},{2:F1} L{1:F1},{2:F1}", left, left + width / columns,
                           yOf(sum));
    }
    out << llvm::formatv(" L{0},{1}\"/>\n", width, yOf(0));
  };
  out << llvm::formatv("<svg viewBox=\"0 0 {0} {1}\" role=\"img\">\n", width, height);
  writePath(before, "fill=\"var(--before)\" fill-opacity=\"0.45\" stroke=\"none\"");
  writePath(after, "fill=\"none\" stroke=\"var(--after)\" stroke-width=\"1.2\"");
  out << llvm::formatv("<text x=\"0\" y=\"{1}\">{2}</text><text x=\"{0}\" y=\"{1}\" "
                       "text-anchor=\"end\">{3}</text></svg>\n",
                       width, height - 2, formatShort(low), formatShort(high));
}

void Page::writeWorst() {
  out << "<h2>What the worst tensors hold</h2>\n<p class=\"key\">counts by their logarithm"
         "<i style=\"background: var(--before)\"></i>fp32"
         "<i style=\"background: var(--after)\"></i>lowered</p>\n<div class=\"grid\">\n";
  for (const TensorComparison *tensor : llvm::ArrayRef(sorted).take_front(worstTensors)) {
    if (std::isinf(tensor->loss.sqnr()) && tensor->loss.sqnr() > 0)
      break;
    out << "<div class=\"small\"><h3>" << escape(tensor->tensor) << "</h3><p>"
        << formatDecibels(tensor->loss.sqnr()) << ", " << escape(tensor->op) << ", fp32 "
        << formatShort(tensor->reference.min()) << " to " << formatShort(tensor->reference.max())
        << ", lowered " << formatShort(tensor->lowered.min()) << " to "
        << formatShort(tensor->lowered.max()) << "</p>\n";
    writeHistogram(*tensor);
    out << "</div>\n";
  }
  out << "</div>\n";
}

void Page::writeTable() {
  out << "<h2>All tensors</h2>\n<div class=\"scroll\"><table><thead><tr><th>SQNR</th>"
         "<th>cosine</th><th>largest error</th><th>kernel</th><th>computes</th><th>place</th>"
         "<th class=\"name\">tensor</th><th class=\"name\">node</th><th>operator</th></tr></thead>"
         "<tbody>\n";
  for (const TensorComparison *tensor : sorted) {
    double decibels = tensor->loss.sqnr();
    out << llvm::formatv("<tr><td data-key=\"{0}\" style=\"color: {1}\">{2}</td><td>{3:F6}</td>"
                         "<td data-key=\"{4}\">{5:F2}%</td><td data-key=\"{6}\">{7:F1} µs</td>",
                         std::isinf(decibels) ? (decibels > 0 ? 1e9 : -1e9) : decibels,
                         colorOf(decibels), formatDecibels(decibels), tensor->loss.cosine(),
                         std::isinf(tensor->loss.relativeError()) ? 1e9
                                                                  : tensor->loss.relativeError(),
                         100 * tensor->loss.relativeError(), tensor->time, tensor->time / 1e3);
    out << "<td>" << escape(tensor->precision) << "</td><td>" << tensor->depth
        << "</td><td class=\"name\">" << escape(tensor->tensor)
        << (tensor->isOutput ? " (output)" : "") << "</td><td class=\"name\">"
        << escape(tensor->node) << "</td><td>" << escape(tensor->op) << "</td></tr>\n";
  }
  out << "</tbody></table></div>\n";
}

std::string Page::write() {
  std::string title =
      escape(comparison.model) + " in " + escape(comparison.precision) + " against fp32";
  out << "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width\"><title>"
      << title << "</title><style>" << style << "</style></head><body>\n<h1>" << title
      << "</h1>\n<p>" << comparison.samples
      << (comparison.samples == 1 ? " sample, " : " samples, ") << comparison.tensors.size()
      << " tensors that kernels write</p>\n";
  writeCards();
  out << "<h2>Error along the network</h2>\n<p>signal to noise of each tensor against fp32, in "
         "the order of the graph; more is better, large points are outputs</p>\n";
  writeDepthChart();
  writeWorst();
  writeTable();
  out << "<script>" << script << "</script></body></html>\n";
  return std::move(text);
}

std::string formatPage(const PrecisionComparison &comparison) { return Page(comparison).write(); }

} // namespace tenon::quantize
