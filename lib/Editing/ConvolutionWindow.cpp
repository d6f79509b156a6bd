// See the header.

#include "lib/Editing/ConvolutionWindow.h"
#include "lib/Editing/Attributes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <numeric>

using namespace llvm;

namespace tenon {

ConvolutionWindow ConvolutionWindow::create(const onnx::NodeProto &node, ArrayRef<int64_t> input,
                                            ArrayRef<int64_t> kernel) {
  size_t rank = kernel.size();
  SmallVector<int64_t> ones(rank, 1), zeros(2 * rank, 0);
  ConvolutionWindow window;
  window.input.assign(input.begin(), input.end());
  window.kernel.assign(kernel.begin(), kernel.end());
  window.strides = getInts(node, "strides", ones);
  window.dilations = getInts(node, "dilations", ones);
  SmallVector<int64_t> pads = getInts(node, "pads", zeros);
  StringRef automatic = getString(node, "auto_pad", "NOTSET");
  for (size_t i : seq(rank)) {
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

static int64_t multiply(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
}

int64_t ConvolutionWindow::countPositions() const { return multiply(output); }
int64_t ConvolutionWindow::countTaps() const { return multiply(kernel); }

int64_t ConvolutionWindow::find(int64_t position, int64_t tap) const {
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

SmallVector<double> ConvolutionWindow::findShares() const {
  int64_t positions = countPositions();
  SmallVector<double> shares;
  for (int64_t tap : seq(countTaps())) {
    int64_t inside =
        count_if(seq(positions), [&](int64_t position) { return find(position, tap) >= 0; });
    shares.push_back(positions ? static_cast<double>(inside) / positions : 0);
  }
  return shares;
}

} // namespace tenon
