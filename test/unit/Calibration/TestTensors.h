// Tensors and models for tests.
#ifndef TENON_TEST_UNIT_CALIBRATION_TESTTENSORS_H
#define TENON_TEST_UNIT_CALIBRATION_TESTTENSORS_H

#include "lib/Importer/ModelFile.h"
#include "lib/Tensors/Tensor.h"
#include <cstring>
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <random>

namespace tenon::test {

inline Tensor floats(std::vector<int64_t> dims, const std::vector<float> &elements) {
  Tensor tensor = llvm::cantFail(Tensor::create(TENON_FLOAT, dims));
  EXPECT_EQ(tensor.bytes.size(), elements.size() * sizeof(float));
  std::memcpy(tensor.bytes.data(), elements.data(), tensor.bytes.size());
  return tensor;
}

/// A model of opset 17 around a graph in ONNX's textual form.
inline std::shared_ptr<ModelFile> parseGraph(const std::string &graph) {
  onnx::ModelProto model;
  auto status = onnx::OnnxParser::Parse(
      model, ("<ir_version: 8, opset_import: [\"\" : 17]>\n" + graph).c_str());
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  return llvm::cantFail(ModelFile::parse(model.SerializeAsString(), "model.onnx"));
}

/// The same numbers each time.
inline std::vector<float> gaussian(size_t count, float deviation = 1, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::vector<float> numbers(count);
  // Sums of uniform numbers: std::normal_distribution is another one in every library.
  for (float &number : numbers) {
    float sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += static_cast<float>(generator()) * 0x1p-32f;
    number = sum * deviation;
  }
  return numbers;
}

template <typename T> std::string messageOf(llvm::Expected<T> result) {
  return result ? "" : llvm::toString(result.takeError());
}

} // namespace tenon::test

#endif
