// Codes that are not the nearest (see the header).

#include "lib/Quantize/Rounding.h"
#include <Eigen/Cholesky>
#include <cmath>

namespace tenon::quantize {

/// The rows of a group, as they are in fp32 or as codes have them.
static Eigen::MatrixXf rowsOf(const CodedWeight &weight, int64_t group, bool decoded) {
  const WeightLayout &layout = weight.layout;
  Eigen::MatrixXf rows(layout.rowsPerGroup(), layout.columns);
  for (int64_t c = 0; c < layout.columns; ++c)
    for (int64_t r = 0; r < layout.rowsPerGroup(); ++r) {
      int64_t at = layout.position(group * layout.rowsPerGroup() + r, c);
      rows(r, c) = decoded ? weight.decode(at) : weight.values[at];
    }
  return rows;
}

double measureResultError(const CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram) {
  Eigen::MatrixXf error = rowsOf(weight, group, false) - rowsOf(weight, group, true);
  return (error * gram).cwiseProduct(error).cast<double>().sum();
}

namespace {

/// The elements of a group that share a scale.
struct SharedScale {
  std::vector<int64_t> positions;
  std::vector<float> importance;

  /// What is lost with this scale.
  double measure(const CodedWeight &weight, float scale) const {
    double sum = 0;
    for (auto [position, factor] : llvm::zip_equal(positions, importance)) {
      float zero = static_cast<float>(weight.zeroPoints[position]);
      float code = std::nearbyint(weight.values[position] / scale) + zero;
      code = std::clamp(code, static_cast<float>(weight.least), static_cast<float>(weight.largest));
      double error = weight.values[position] - (code - zero) * scale;
      sum += factor * error * error;
    }
    return sum;
  }
};

} // namespace

void fitScales(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram,
               const ScaleGrid &grid, size_t numScales) {
  const WeightLayout &layout = weight.layout;
  std::vector<SharedScale> shared(numScales);
  for (int64_t r = group * layout.rowsPerGroup(); r < (group + 1) * layout.rowsPerGroup(); ++r)
    for (int64_t c = 0; c < layout.columns; ++c) {
      SharedScale &scale = shared[grid.find(layout.position(r, c))];
      scale.positions.push_back(layout.position(r, c));
      scale.importance.push_back(gram(c, c));
    }
  constexpr int candidates = 16;
  for (const SharedScale &elements : shared) {
    if (elements.positions.empty())
      continue;
    float whole = weight.scales[elements.positions.front()], best = whole;
    double least = elements.measure(weight, whole);
    for (int i = 1; i < candidates; ++i) {
      float scale = whole * (1 - 0.5f * static_cast<float>(i) / candidates);
      if (double error = elements.measure(weight, scale); error < least) {
        least = error;
        best = scale;
      }
    }
    for (int64_t position : elements.positions) {
      weight.scales[position] = best;
      weight.codes[position] = weight.encode(position, weight.values[position]);
    }
  }
}

/// The upper factor U of H⁻¹ = Uᵀ U, of H with more and more added to its diagonal until it has
/// one.
static std::optional<Eigen::MatrixXf> factorInverse(const Eigen::MatrixXf &gram) {
  float mean = gram.diagonal().mean();
  for (float damping = 0.01f; damping < 10; damping *= 10) {
    Eigen::MatrixXf damped = gram;
    damped.diagonal().array() += damping * mean;
    // Columns whose operands are always zero: their weights do not matter.
    for (Eigen::Index i = 0; i < damped.rows(); ++i)
      if (damped(i, i) == 0)
        damped(i, i) = 1;
    Eigen::LLT<Eigen::MatrixXf> first(damped);
    if (first.info() != Eigen::Success)
      continue;
    Eigen::MatrixXf inverse = first.solve(Eigen::MatrixXf::Identity(damped.rows(), damped.cols()));
    Eigen::LLT<Eigen::MatrixXf> second(inverse);
    if (second.info() == Eigen::Success)
      return Eigen::MatrixXf(second.matrixU());
  }
  return std::nullopt;
}

// Corrections of columns far behind are added once for each block of columns, as a product of
// matrices.
bool roundCompensated(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram) {
  std::optional<Eigen::MatrixXf> factor = factorInverse(gram);
  if (!factor)
    return false;
  constexpr Eigen::Index blockColumns = 128;
  const WeightLayout &layout = weight.layout;
  Eigen::MatrixXf rows = rowsOf(weight, group, false);
  Eigen::Index columns = rows.cols();
  for (Eigen::Index begin = 0; begin < columns; begin += blockColumns) {
    Eigen::Index width = std::min(blockColumns, columns - begin), rest = columns - begin - width;
    Eigen::MatrixXf errors(rows.rows(), width);
    for (Eigen::Index i = 0; i < width; ++i) {
      Eigen::Index column = begin + i;
      for (Eigen::Index r = 0; r < rows.rows(); ++r) {
        int64_t at = layout.position(group * layout.rowsPerGroup() + r, column);
        weight.codes[at] = weight.encode(at, rows(r, column));
        errors(r, i) = (rows(r, column) - weight.decode(at)) / (*factor)(column, column);
      }
      Eigen::Index left = width - i - 1;
      rows.middleCols(column + 1, left) -=
          errors.col(i) * factor->row(column).segment(column + 1, left);
    }
    rows.rightCols(rest) -= errors * factor->block(begin, begin + width, width, rest);
  }
  return true;
}

namespace {

/// The codes of one row, and what each of them costs.
class RowSearch {
public:
  RowSearch(CodedWeight &weight, int64_t row, const Eigen::MatrixXf &gram)
      : weight(weight), row(row), gram(gram) {
    Eigen::VectorXf error(gram.cols());
    for (int64_t c = 0; c < gram.cols(); ++c)
      error(c) = weight.values[at(c)] - weight.decode(at(c));
    gradient = gram * error;
  }

  /// Looks at each code once; whether one changed.
  bool pass() {
    bool changed = false;
    for (int64_t c = 0; c < gram.cols(); ++c)
      changed |= improve(c);
    return changed;
  }

private:
  int64_t at(int64_t column) const { return weight.layout.position(row, column); }

  /// A step of d codes changes the error by d² s² H - 2 d s (H e).
  bool improve(int64_t column) {
    int64_t position = at(column);
    float scale = weight.scales[position];
    int64_t step = gradient(column) > 0 ? 1 : -1;
    float change = static_cast<float>(step) * scale;
    if (change * change * gram(column, column) - 2 * change * gradient(column) >= 0)
      return false;
    int64_t code = weight.codes[position] + step;
    if (code < weight.least || code > weight.largest)
      return false;
    // Only the codes on both sides of the weight: what is right for samples seen should not go far
    // from what is right for all.
    float decoded = static_cast<float>(code - weight.zeroPoints[position]) * scale;
    if (std::abs(decoded - weight.values[position]) >= scale)
      return false;
    weight.codes[position] = code;
    gradient -= change * gram.col(column);
    return true;
  }

  CodedWeight &weight;
  int64_t row;
  const Eigen::MatrixXf &gram;
  /// H e.
  Eigen::VectorXf gradient;
};

} // namespace

void roundAdaptively(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram) {
  constexpr int passes = 16;
  // Weights whose operands hardly vary stay near: with few samples H says little of them.
  Eigen::MatrixXf damped = gram;
  damped.diagonal().array() += 0.01f * gram.diagonal().mean();
  int64_t first = group * weight.layout.rowsPerGroup();
  for (int64_t row = first; row < first + weight.layout.rowsPerGroup(); ++row) {
    RowSearch search(weight, row, damped);
    for (int pass = 0; pass < passes && search.pass(); ++pass)
      continue;
  }
}

} // namespace tenon::quantize
