// From a picture to an input tensor (see the header): where the shape has its channels, resizing,
// scaling. ImageFiles.cpp does the decoding.

#include "lib/Tensors/Image.h"
#include <cmath>

namespace tenon {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

namespace {

/// Which axis of a shape is what; -1 where it has none.
struct Axes {
  int channels = -1, height = -1, width = -1;
};

/// The source samples that make one target sample along an axis.
struct Window {
  int64_t first;
  std::vector<float> weights;
};

} // namespace

/// A triangle around the centre, as wide as one source or target pixel, whichever is larger.
static std::vector<Window> makeWindows(int64_t from, int64_t to) {
  double ratio = static_cast<double>(from) / static_cast<double>(to), radius = std::max(1.0, ratio);
  std::vector<Window> windows;
  for (int64_t i = 0; i < to; ++i) {
    double center = (static_cast<double>(i) + 0.5) * ratio - 0.5;
    auto first = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(center - radius)));
    auto last = std::min<int64_t>(from - 1, static_cast<int64_t>(std::floor(center + radius)));
    Window window{first, {}};
    double sum = 0;
    for (int64_t s = first; s <= last; ++s) {
      double weight = 1 - std::abs(static_cast<double>(s) - center) / radius;
      window.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float &weight : window.weights)
      weight = static_cast<float>(weight / sum);
    windows.push_back(std::move(window));
  }
  return windows;
}

Image resizeImage(const Image &image, int64_t width, int64_t height) {
  if (width == image.width && height == image.height)
    return image;
  int64_t channels = image.channels;
  Image narrow{width, image.height, channels, {}};
  narrow.samples.resize(width * image.height * channels);
  std::vector<Window> columns = makeWindows(image.width, width);
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c) {
        float sum = 0;
        for (size_t k = 0; k < columns[x].weights.size(); ++k)
          sum += columns[x].weights[k] *
                 image.samples[(y * image.width + columns[x].first + k) * channels + c];
        narrow.samples[(y * width + x) * channels + c] = sum;
      }
  Image result{width, height, channels, {}};
  result.samples.resize(width * height * channels);
  std::vector<Window> rows = makeWindows(image.height, height);
  int64_t rowSize = width * channels;
  for (int64_t y = 0; y < height; ++y)
    for (size_t k = 0; k < rows[y].weights.size(); ++k)
      for (int64_t i = 0; i < rowSize; ++i)
        result.samples[y * rowSize + i] +=
            rows[y].weights[k] * narrow.samples[(rows[y].first + k) * rowSize + i];
  return result;
}

static bool isChannelCount(int64_t dim) { return dim == 1 || dim == 3 || dim == 4; }

static llvm::Expected<Axes> findAxes(llvm::ArrayRef<int64_t> dims, ImageLayout layout) {
  int rank = static_cast<int>(dims.size());
  if (rank == 2)
    return Axes{-1, 0, 1};
  if (rank < 2 || rank > 4)
    return makeError("an image fits only inputs of 2 to 4 dimensions");
  int first = rank - 3; // behind the batch
  if (first == 1 && dims[0] > 1)
    return makeError("one image does not fill a batch of " + llvm::Twine(dims[0]));
  bool canBeFirst = isChannelCount(dims[first]), canBeLast = isChannelCount(dims[first + 2]);
  if (layout == ImageLayout::FromShape)
    layout = canBeFirst ? ImageLayout::ChannelsFirst : ImageLayout::ChannelsLast;
  bool isFirst = layout == ImageLayout::ChannelsFirst;
  if (!(isFirst ? canBeFirst : canBeLast))
    return makeError("no dimension is 1, 3 or 4 channels" +
                     llvm::Twine(canBeFirst || canBeLast ? " in this layout" : ""));
  return isFirst ? Axes{first, first + 1, first + 2} : Axes{first + 2, first, first + 1};
}

static double valueOf(const std::vector<double> &list, int64_t channel, double fallback) {
  if (list.empty())
    return fallback;
  return list.size() == 1 ? list[0] : list[channel];
}

static llvm::Error checkLists(const ImageOptions &options, int64_t channels) {
  for (const std::vector<double> *list : {&options.mean, &options.deviation})
    if (list->size() > 1 && static_cast<int64_t>(list->size()) != channels)
      return makeError("means and deviations have " + llvm::Twine(list->size()) +
                       " values, but the input has " + llvm::Twine(channels) + " channels");
  return llvm::Error::success();
}

llvm::Expected<Tensor> readImageTensor(llvm::StringRef path, int32_t dtype,
                                       llvm::ArrayRef<int64_t> dims, const ImageOptions &options) {
  auto fail = [&](llvm::Error error) {
    return makeError(path + ": cannot become " + describeTensorType(dtype, dims) + ": " +
                     llvm::toString(std::move(error)));
  };
  llvm::Expected<Axes> axes = findAxes(dims, options.layout);
  if (!axes)
    return fail(axes.takeError());
  int64_t channels = axes->channels < 0 ? 1 : dims[axes->channels];
  if (llvm::Error error = checkLists(options, channels))
    return fail(std::move(error));
  if (dtype == TENON_STRING || dtype == TENON_COMPLEX64 || dtype == TENON_COMPLEX128)
    return fail(makeError("the elements are no numbers"));
  llvm::Expected<Image> image = readImageFile(path, channels);
  if (!image)
    return image.takeError();
  int64_t height = dims[axes->height], width = dims[axes->width];
  if (height == 0 || width == 0)
    return fail(makeError("the input is empty"));
  *image =
      resizeImage(*image, width < 0 ? image->width : width, height < 0 ? image->height : height);

  llvm::SmallVector<int64_t> shape(dims);
  if (shape.size() == 4)
    shape[0] = 1;
  shape[axes->height] = image->height;
  shape[axes->width] = image->width;
  llvm::Expected<Tensor> tensor = Tensor::create(dtype, shape);
  if (!tensor)
    return fail(tensor.takeError());
  double scale = options.scale.value_or(isFloatingPoint(dtype) ? 1.0 / 255 : 1.0);
  bool channelsFirst = axes->channels >= 0 && axes->channels < axes->height;
  int64_t plane = image->width * image->height;
  for (int64_t pixel = 0; pixel < plane; ++pixel)
    for (int64_t c = 0; c < channels; ++c) {
      int64_t source = options.bgr && c < 3 && channels >= 3 ? 2 - c : c;
      double sample = image->samples[pixel * channels + source] * scale;
      double value = (sample - valueOf(options.mean, c, 0)) / valueOf(options.deviation, c, 1);
      tensor->setElement(channelsFirst ? c * plane + pixel : pixel * channels + c, value);
    }
  return tensor;
}

} // namespace tenon
