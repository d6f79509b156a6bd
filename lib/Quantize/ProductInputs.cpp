// What products multiply their weights with (see the header).

#include "lib/Quantize/ProductInputs.h"
#include "lib/Calibration/Floats.h"
#include "lib/Editing/ConvolutionWindow.h"

namespace tenon::quantize {

ProductInputs::ProductInputs(const onnx::NodeProto &node, llvm::ArrayRef<int64_t> weightDims,
                             const WeightLayout &layout, const Options &options)
    : node(node), layout(layout), options(options), vectors(layout.groups) {
  if (node.op_type() == "Conv")
    kernel.assign(weightDims.begin() + 2, weightDims.end());
  sums.assign(layout.groups, Eigen::VectorXd::Zero(layout.columns));
  if (options.products)
    grams.assign(layout.groups, Eigen::MatrixXf::Zero(layout.columns, layout.columns));
}

llvm::Error ProductInputs::gatherRows(const tenon_tensor &tensor) {
  if (tensor.rank < 1 || tensor.dims[tensor.rank - 1] != layout.columns)
    return makeError("its rows have no " + llvm::Twine(layout.columns) + " numbers");
  llvm::ArrayRef<float> numbers = toFloats(tensor, storage);
  int64_t rows = static_cast<int64_t>(numbers.size()) / layout.columns;
  int64_t step = findPositionStep(rows, options.positions);
  Eigen::Map<const Eigen::MatrixXf, 0, Eigen::OuterStride<>> taken(
      numbers.data(), layout.columns, (rows + step - 1) / step,
      Eigen::OuterStride<>(step * layout.columns));
  vectors[0] = taken;
  return llvm::Error::success();
}

llvm::Error ProductInputs::gatherWindows(const tenon_tensor &tensor) {
  int64_t taps = 1;
  for (int64_t size : kernel)
    taps *= size;
  llvm::ArrayRef<int64_t> dims(tensor.dims, tensor.rank);
  if (dims.size() != kernel.size() + 2 || dims[1] * taps != layout.columns * layout.groups)
    return makeError("its channels do not fit a weight of " + llvm::Twine(layout.columns) +
                     " columns");
  auto window = ConvolutionWindow::create(node, dims.drop_front(2), kernel);
  int64_t plane = 1, channels = dims[1] / layout.groups;
  for (int64_t size : dims.drop_front(2))
    plane *= size;
  int64_t each = window.countPositions(), all = dims[0] * each;
  int64_t step = findPositionStep(all, options.positions);
  const float *numbers = toFloats(tensor, storage).data();
  for (auto [group, vector] : llvm::enumerate(vectors)) {
    vector.resize(layout.columns, (all + step - 1) / step);
    for (int64_t column = 0, position = 0; position < all; ++column, position += step) {
      const float *image = numbers + (position / each * dims[1] + group * channels) * plane;
      for (int64_t tap = 0; tap < taps; ++tap) {
        int64_t offset = window.find(position % each, tap);
        for (int64_t c = 0; c < channels; ++c)
          vector(c * taps + tap, column) = offset < 0 ? 0 : image[c * plane + offset];
      }
    }
  }
  return llvm::Error::success();
}

void ProductInputs::flush() {
  seen += vectors[0].cols();
  for (auto [group, vector] : llvm::enumerate(vectors)) {
    sums[group] += vector.cast<double>().rowwise().sum();
    if (options.products)
      grams[group].selfadjointView<Eigen::Lower>().rankUpdate(vector);
  }
}

llvm::Error ProductInputs::observe(const tenon_tensor &tensor) {
  if (llvm::Error error = kernel.empty() ? gatherRows(tensor) : gatherWindows(tensor))
    return error;
  flush();
  return llvm::Error::success();
}

// Products of columns over a few vectors are mostly those of these vectors alone, and rounding that
// makes use of them loses on others. So they shrink toward none, as Ledoit and Wolf have it ("A
// well-conditioned estimator for large-dimensional covariance matrices", 2004), here by a factor
// that only depends on how many vectors there are.
Eigen::MatrixXf ProductInputs::getGram(int64_t group) const {
  Eigen::MatrixXf gram = grams[group].selfadjointView<Eigen::Lower>();
  auto count = static_cast<float>(seen), columns = static_cast<float>(layout.columns);
  Eigen::VectorXf squares = gram.diagonal();
  gram *= count / (count + columns);
  gram.diagonal() = squares;
  return gram / std::max(count, 1.0f);
}

Eigen::VectorXd ProductInputs::getMean(int64_t group) const {
  return sums[group] / static_cast<double>(std::max<int64_t>(1, seen));
}

} // namespace tenon::quantize
