// What products multiply their weights with (see the header).

#include "lib/Quantize/ProductInputs.h"
#include "lib/Calibration/Floats.h"
#include "lib/Editing/Attributes.h"

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

/// The step with which so many of `all` positions are taken; odd, so that it is no divisor of the
/// usual sizes of rows.
static int64_t findStep(int64_t all, int64_t wanted) {
  int64_t step = std::max<int64_t>(1, all / wanted);
  return step > 1 ? step | 1 : 1;
}

llvm::Error ProductInputs::gatherRows(const tenon_tensor &tensor) {
  if (tensor.rank < 1 || tensor.dims[tensor.rank - 1] != layout.columns)
    return makeError("its rows have no " + llvm::Twine(layout.columns) + " numbers");
  llvm::ArrayRef<float> numbers = toFloats(tensor, storage);
  int64_t rows = static_cast<int64_t>(numbers.size()) / layout.columns;
  int64_t step = findStep(rows, options.positions);
  Eigen::Map<const Eigen::MatrixXf, 0, Eigen::OuterStride<>> taken(
      numbers.data(), layout.columns, (rows + step - 1) / step,
      Eigen::OuterStride<>(step * layout.columns));
  vectors[0] = taken;
  return llvm::Error::success();
}

namespace {

/// Where a convolution reads in each dimension.
struct Window {
  llvm::SmallVector<int64_t> input, output, kernel, strides, dilations, begins;

  static Window create(const onnx::NodeProto &node, llvm::ArrayRef<int64_t> input,
                       llvm::ArrayRef<int64_t> kernel);
  int64_t positions() const {
    int64_t product = 1;
    for (int64_t size : output)
      product *= size;
    return product;
  }
  /// The element of a channel that a position reads for an element of the kernel; -1 in the
  /// padding.
  int64_t find(int64_t position, int64_t tap) const;
};

} // namespace

Window Window::create(const onnx::NodeProto &node, llvm::ArrayRef<int64_t> input,
                      llvm::ArrayRef<int64_t> kernel) {
  size_t rank = kernel.size();
  llvm::SmallVector<int64_t> ones(rank, 1), zeros(2 * rank, 0);
  Window window;
  window.input.assign(input.begin(), input.end());
  window.kernel.assign(kernel.begin(), kernel.end());
  window.strides = getInts(node, "strides", ones);
  window.dilations = getInts(node, "dilations", ones);
  llvm::SmallVector<int64_t> pads = getInts(node, "pads", zeros);
  llvm::StringRef automatic = getString(node, "auto_pad", "NOTSET");
  for (size_t i = 0; i < rank; ++i) {
    int64_t extent = (kernel[i] - 1) * window.dilations[i] + 1, stride = window.strides[i];
    int64_t begin = pads[i], end = pads[rank + i];
    if (automatic == "VALID")
      begin = end = 0;
    if (automatic.starts_with("SAME")) {
      int64_t size = (input[i] + stride - 1) / stride;
      int64_t total = std::max<int64_t>(0, (size - 1) * stride + extent - input[i]);
      begin = automatic == "SAME_LOWER" ? (total + 1) / 2 : total / 2;
      end = total - begin;
    }
    window.begins.push_back(begin);
    window.output.push_back(std::max<int64_t>(0, (input[i] + begin + end - extent) / stride + 1));
  }
  return window;
}

int64_t Window::find(int64_t position, int64_t tap) const {
  int64_t offset = 0, step = 1;
  for (size_t i = input.size(); i-- > 0;) {
    int64_t at = position % output[i] * strides[i] + tap % kernel[i] * dilations[i] - begins[i];
    if (at < 0 || at >= input[i])
      return -1;
    offset += at * step;
    step *= input[i];
    position /= output[i];
    tap /= kernel[i];
  }
  return offset;
}

llvm::Error ProductInputs::gatherWindows(const tenon_tensor &tensor) {
  int64_t taps = 1;
  for (int64_t size : kernel)
    taps *= size;
  llvm::ArrayRef<int64_t> dims(tensor.dims, tensor.rank);
  if (dims.size() != kernel.size() + 2 || dims[1] * taps != layout.columns * layout.groups)
    return makeError("its channels do not fit a weight of " + llvm::Twine(layout.columns) +
                     " columns");
  Window window = Window::create(node, dims.drop_front(2), kernel);
  int64_t plane = 1, channels = dims[1] / layout.groups;
  for (int64_t size : dims.drop_front(2))
    plane *= size;
  int64_t each = window.positions(), all = dims[0] * each;
  int64_t step = findStep(all, options.positions);
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

Eigen::MatrixXf ProductInputs::getGram(int64_t group) const {
  Eigen::MatrixXf gram = grams[group].selfadjointView<Eigen::Lower>();
  return gram / static_cast<float>(std::max<int64_t>(1, seen));
}

Eigen::VectorXd ProductInputs::getMean(int64_t group) const {
  return sums[group] / static_cast<double>(std::max<int64_t>(1, seen));
}

} // namespace tenon::quantize
