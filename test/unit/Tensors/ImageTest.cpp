// Resizing keeps means and flat colours.
#include "lib/Tensors/Image.h"
#include <gtest/gtest.h>

using namespace tenon;

static Image ramp(int64_t width, int64_t height) {
  Image image{width, height, 1, {}};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      image.samples.push_back(static_cast<float>(10 * y + x));
  return image;
}

TEST(Image, ShrinksByMeans) {
  Image image = resizeImage(ramp(4, 4), 1, 1);
  ASSERT_EQ(image.samples.size(), 1u);
  EXPECT_NEAR(image.samples[0], 16.5, 1e-4);
}

TEST(Image, GrowsBilinearly) {
  Image image = resizeImage(ramp(2, 1), 4, 1);
  const float expected[] = {0, 0.25, 0.75, 1};
  for (int i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(image.samples[i], expected[i]);
}

TEST(Image, KeepsFlatColours) {
  Image flat{7, 5, 3, std::vector<float>(7 * 5 * 3, 42)};
  for (auto [width, height] : {std::pair<int64_t, int64_t>{3, 9}, {1, 1}, {224, 224}})
    for (float sample : resizeImage(flat, width, height).samples)
      EXPECT_NEAR(sample, 42, 1e-3);
}
