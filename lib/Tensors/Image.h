// Pictures as inputs of models: PNG and JPEG files, resized and scaled to what an input wants.
#ifndef TENON_LIB_TENSORS_IMAGE_H
#define TENON_LIB_TENSORS_IMAGE_H

#include "lib/Tensors/Tensor.h"

namespace tenon {

/// Rows of pixels, each of `channels` interleaved samples.
struct Image {
  int64_t width = 0, height = 0, channels = 0;
  std::vector<float> samples; // 0 to 255
};

/// Reads a file with the wanted number of channels: 1 (gray), 3 (RGB) or 4 (RGBA). Errors name the
/// file.
llvm::Expected<Image> readImageFile(llvm::StringRef path, int64_t channels);

/// Bilinear; where it shrinks, each pixel is a weighted mean of all that it covers.
Image resizeImage(const Image &image, int64_t width, int64_t height);

enum class ImageLayout { FromShape, ChannelsFirst, ChannelsLast };

struct ImageOptions {
  ImageLayout layout = ImageLayout::FromShape;
  /// A sample becomes (sample * scale - mean) / deviation; one value, or one per channel. Without a
  /// scale it is 1/255 for floating point inputs and 1 for integers.
  std::optional<double> scale;
  std::vector<double> mean, deviation;
  bool bgr = false;
};

/// The image as a tensor of an input's type, where dims of -1 follow the image. The shape must be
/// that of one image: [N,C,H,W], [N,H,W,C], or without N, or [H,W].
llvm::Expected<Tensor> readImageTensor(llvm::StringRef path, int32_t dtype,
                                       llvm::ArrayRef<int64_t> dims, const ImageOptions &options);

} // namespace tenon

#endif // TENON_LIB_TENSORS_IMAGE_H
