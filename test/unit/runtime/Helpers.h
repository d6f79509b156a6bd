// Owners for the runtime's objects and tensors over vectors.
#ifndef TENON_TEST_UNIT_RUNTIME_HELPERS_H
#define TENON_TEST_UNIT_RUNTIME_HELPERS_H

#include "tenon/runtime.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace tenon::test {

struct FreeModel {
  void operator()(tenon_model *model) const { tenon_model_free(model); }
};
struct FreeContext {
  void operator()(tenon_context *context) const { tenon_context_free(context); }
};
using Model = std::unique_ptr<tenon_model, FreeModel>;
using Context = std::unique_ptr<tenon_context, FreeContext>;

inline std::string modelPath(const std::string &name) { return TEST_MODELS "/" + name + ".so"; }

inline Model load(const std::string &name) {
  tenon_model *model = nullptr;
  EXPECT_EQ(tenon_model_load(modelPath(name).c_str(), &model), TENON_OK) << tenon_last_error();
  return Model(model);
}

inline Context createContext(const Model &model, const tenon_context_options &options = {}) {
  tenon_context *context = nullptr;
  EXPECT_EQ(tenon_context_create(model.get(), &options, &context), TENON_OK) << tenon_last_error();
  return Context(context);
}

inline Context createContext(const Model &model, int32_t threads) {
  tenon_context_options options = {};
  options.threads = threads;
  return createContext(model, options);
}

/// A float tensor with its data and dimensions.
struct Floats {
  std::vector<float> data;
  std::vector<int64_t> dims;

  operator tenon_tensor() const {
    return {TENON_FLOAT,
            static_cast<int32_t>(dims.size()),
            dims.data(),
            const_cast<float *>(data.data()),
            data.size() * sizeof(float),
            0,
            0,
            0};
  }
};

/// `count` images for the digits model (compiled: load("digits") for any number of images,
/// load("digits-of-8") for eight), and room for its results.
struct Digits {
  explicit Digits(int64_t count)
      : dims{count, 1, 8, 8}, pixels(count * 64), digits(count), probabilities(count * 10) {
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(i * 37 % 17);
  }

  /// Runs into this object's memory.
  tenon_status run(tenon_context *context) {
    tenon_tensor input = {TENON_UINT8, 4, dims.data(), pixels.data(), pixels.size(), 0, 0, 0};
    tenon_tensor outputs[2] = {};
    outputs[0].data = digits.data();
    outputs[0].capacity = digits.size() * sizeof(int64_t);
    outputs[1].data = probabilities.data();
    outputs[1].capacity = probabilities.size() * sizeof(float);
    return tenon_run(context, &input, 1, outputs, 2);
  }

  std::vector<int64_t> dims;
  std::vector<uint8_t> pixels;
  std::vector<int64_t> digits;
  std::vector<float> probabilities;
};

inline std::vector<float> values(const tenon_tensor &tensor) {
  const float *data = static_cast<const float *>(tensor.data);
  size_t size = tensor.bytes / sizeof(float);
  return std::vector<float>(data, data + size);
}

/// `size` floats that are all different and not round.
inline std::vector<float> numbers(size_t size, float first = 0.1f) {
  std::vector<float> result(size);
  for (size_t i = 0; i < size; ++i)
    result[i] = first + 0.37f * static_cast<float>(i % 1013);
  return result;
}

inline bool lastErrorHas(const std::string &part) {
  return std::string(tenon_last_error()).find(part) != std::string::npos;
}

#define EXPECT_ERROR(call, status, part)                                                           \
  do {                                                                                             \
    EXPECT_EQ(call, status);                                                                       \
    EXPECT_TRUE(lastErrorHas(part)) << "message: " << tenon_last_error();                          \
  } while (false)

} // namespace tenon::test

#endif
