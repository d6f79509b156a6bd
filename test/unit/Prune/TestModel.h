// Models for tests, as text.
#ifndef TENON_TEST_UNIT_PRUNE_TESTMODEL_H
#define TENON_TEST_UNIT_PRUNE_TESTMODEL_H

#include "lib/Editing/ModelEditor.h"
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/defs/parser.h>

namespace tenon {

/// Values that are declared and that no node computes become weights of 1, 2, 3 and so on.
inline void fillWeights(onnx::GraphProto &graph) {
  llvm::StringSet<> known;
  for (const onnx::TensorProto &tensor : graph.initializer())
    known.insert(tensor.name());
  for (const onnx::NodeProto &node : graph.node())
    known.insert(node.output().begin(), node.output().end());
  for (const onnx::ValueInfoProto &info : graph.value_info()) {
    if (known.contains(info.name()))
      continue;
    onnx::TensorProto &tensor = *graph.add_initializer();
    tensor.set_name(info.name());
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    int64_t count = 1;
    for (const auto &dim : info.type().tensor_type().shape().dim()) {
      tensor.add_dims(dim.dim_value());
      count *= dim.dim_value();
    }
    for (int64_t number = 1; number <= count; ++number)
      tensor.add_float_data(static_cast<float>(number));
  }
}

inline std::shared_ptr<ModelFile> parseModel(const std::string &graph) {
  onnx::ModelProto model;
  auto status = onnx::OnnxParser::Parse(
      model, ("<ir_version: 8, opset_import: [\"\" : 17]>\n" + graph).c_str());
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  fillWeights(*model.mutable_graph());
  return llvm::cantFail(ModelFile::create(std::move(model), "model.onnx", ""));
}

inline std::vector<double> readElements(const ModelEditor &editor, llvm::StringRef constant) {
  Tensor tensor = llvm::cantFail(editor.readConstant(constant));
  std::vector<double> elements;
  for (int64_t index = 0; index < tensor.numElements(); ++index)
    elements.push_back(tensor.element(index));
  return elements;
}

inline std::vector<int64_t> readDims(const ModelEditor &editor, llvm::StringRef constant) {
  return llvm::cantFail(editor.readConstant(constant)).dims;
}

} // namespace tenon

#endif
