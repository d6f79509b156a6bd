// RoiAlign and MaxRoiPool: regions of images brought to one size.
//   inputs   x [N, C, H, W], regions [R, 4] (RoiAlign) or [R, 5] with the image's number first,
//            int64 [R]: each region's image (RoiAlign)
//   outputs  [R, C, h, w]
//   ints     RoiAlign: samples per cell and dimension (0: as many as pixels), whether to take the
//            largest sample instead of the mean, whether pixels' centers are at halves
//   floats   scale from region coordinates to pixels
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <algorithm>
#include <cmath>

namespace {

/// Where a sample lies between two rows or columns.
struct Sample {
  int64_t low, high;
  float weight; // of `high`
  bool isInside;

  Sample(float position, int64_t size) {
    isInside = position >= -1 && position <= static_cast<float>(size);
    position = std::max(position, 0.0f);
    low = static_cast<int64_t>(position);
    if (low >= size - 1) {
      low = high = size - 1;
      weight = 0;
    } else {
      high = low + 1;
      weight = position - static_cast<float>(low);
    }
  }
};

/// One dimension of a region.
struct Extent {
  float start, cell;
  int64_t samples, size;

  Sample sample(int64_t number, int64_t i) const {
    float at = (static_cast<float>(i) + 0.5f) / static_cast<float>(samples);
    return Sample(start + (static_cast<float>(number) + at) * cell, size);
  }
};

Extent makeExtent(float low, float high, float scale, int64_t cells, int64_t size, int64_t samples,
                  bool halfPixel) {
  float shift = halfPixel ? 0.5f : 0.0f, start = low * scale - shift, end = high * scale - shift;
  float length = halfPixel ? end - start : std::max(end - start, 1.0f);
  float cell = length / static_cast<float>(cells);
  auto count = samples > 0 ? samples : static_cast<int64_t>(std::ceil(cell));
  return {start, cell, count, size};
}

float poolCell(const float *image, Extent rows, Extent columns, int64_t row, int64_t column,
               bool largest) {
  float sum = 0, best = -INFINITY;
  for (int64_t i = 0; i < rows.samples; ++i)
    for (int64_t j = 0; j < columns.samples; ++j) {
      Sample y = rows.sample(row, i), x = columns.sample(column, j);
      if (!y.isInside || !x.isInside) {
        best = std::max(best, 0.0f);
        continue;
      }
      const float *low = image + y.low * columns.size, *high = image + y.high * columns.size;
      float parts[] = {(1 - y.weight) * (1 - x.weight) * low[x.low],
                       (1 - y.weight) * x.weight * low[x.high],
                       y.weight * (1 - x.weight) * high[x.low], y.weight * x.weight * high[x.high]};
      sum += parts[0] + parts[1] + parts[2] + parts[3];
      best = std::max(best, std::max(std::max(parts[0], parts[1]), std::max(parts[2], parts[3])));
    }
  auto count = std::max<int64_t>(rows.samples * columns.samples, 1);
  if (largest)
    return rows.samples * columns.samples == 0 ? 0 : best;
  return sum / static_cast<float>(count);
}

int32_t roiAlign(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0], &y = outputs[0];
  int64_t channels = x.dims[1], height = x.dims[2], width = x.dims[3];
  auto scale = static_cast<float>(floats[0]);
  Share share(y.dims[0] * channels, task, tasks);
  for (int64_t item = share.begin; item < share.end; ++item) {
    int64_t region = item / channels, channel = item % channels;
    const float *corners = inputs[1].as<float>() + region * 4;
    int64_t number = inputs[2].as<int64_t>()[region];
    if (number < 0 || number >= x.dims[0])
      return TENON_EXEC_BAD_VALUE;
    const float *image = x.as<float>() + (number * channels + channel) * height * width;
    Extent rows =
        makeExtent(corners[1], corners[3], scale, y.dims[2], height, ints[0], ints[2] != 0);
    Extent columns =
        makeExtent(corners[0], corners[2], scale, y.dims[3], width, ints[0], ints[2] != 0);
    float *to = y.as<float>() + item * y.dims[2] * y.dims[3];
    for (int64_t row = 0; row < y.dims[2]; ++row)
      for (int64_t column = 0; column < y.dims[3]; ++column)
        *to++ = poolCell(image, rows, columns, row, column, ints[1] != 0);
  }
  return 0;
}

/// The pixels of cell `number` of a region that starts at `start` and has `length` of them.
Share cellPixels(int64_t number, int64_t cells, int64_t start, int64_t length, int64_t size) {
  float cell = static_cast<float>(length) / static_cast<float>(cells);
  Share pixels(0, 0, 1);
  auto low = static_cast<int64_t>(std::floor(static_cast<float>(number) * cell));
  auto high = static_cast<int64_t>(std::ceil(static_cast<float>(number + 1) * cell));
  pixels.begin = std::clamp<int64_t>(low + start, 0, size);
  pixels.end = std::clamp<int64_t>(high + start, 0, size);
  return pixels;
}

int32_t maxRoiPool(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0], &y = outputs[0];
  int64_t channels = x.dims[1], height = x.dims[2], width = x.dims[3];
  auto scale = static_cast<float>(floats[0]);
  Share share(y.dims[0] * channels, task, tasks);
  for (int64_t item = share.begin; item < share.end; ++item) {
    const float *region = inputs[1].as<float>() + item / channels * 5;
    auto number = static_cast<int64_t>(region[0]);
    if (number < 0 || number >= x.dims[0])
      return TENON_EXEC_BAD_VALUE;
    int64_t corners[4];
    for (int i = 0; i < 4; ++i)
      corners[i] = static_cast<int64_t>(std::round(region[i + 1] * scale));
    int64_t columns = std::max<int64_t>(corners[2] - corners[0] + 1, 1);
    int64_t rows = std::max<int64_t>(corners[3] - corners[1] + 1, 1);
    const float *image = x.as<float>() + (number * channels + item % channels) * height * width;
    float *to = y.as<float>() + item * y.dims[2] * y.dims[3];
    for (int64_t row = 0; row < y.dims[2]; ++row)
      for (int64_t column = 0; column < y.dims[3]; ++column) {
        Share down = cellPixels(row, y.dims[2], corners[1], rows, height);
        Share right = cellPixels(column, y.dims[3], corners[0], columns, width);
        bool isEmpty = down.begin >= down.end || right.begin >= right.end;
        float best = isEmpty ? 0 : -INFINITY;
        for (int64_t i = down.begin; i < down.end; ++i)
          for (int64_t j = right.begin; j < right.end; ++j)
            best = std::max(best, image[i * width + j]);
        *to++ = best;
      }
  }
  return 0;
}

} // namespace

TENON_KERNEL(tenon_roi_align_f32, roiAlign)
TENON_KERNEL(tenon_max_roi_pool_f32, maxRoiPool)
