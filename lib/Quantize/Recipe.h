// A recipe says in which precision each node of one model computes, and how tensors are quantized
// for that. It is what quantization finds out, what people read, compare and edit, and what
// applyRecipe (ApplyRecipe.h) turns into a model.
//
// In a recipe a tensor is named as in the ONNX file, and a node by getNodeName. An entry of a
// tensor says how it is quantized *where a node of 8 or 4 bits reads it*; other nodes read the
// tensor as it was.
#ifndef TENON_LIB_QUANTIZE_RECIPE_H
#define TENON_LIB_QUANTIZE_RECIPE_H

#include "include/tenon/runtime.h"
#include "lib/Evaluation/OutputLoss.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onnx {
class GraphProto;
class NodeProto;
} // namespace onnx

namespace tenon::quantize {

/// What a node computes with.
enum class NodePrecision {
  F32,
  /// Operands of products are rounded to 16 bits (docs/numerics.md).
  BF16,
  F16,
  /// Every operand that a recipe has an entry for is quantized.
  Int8,
  /// Weights are quantized, all else is f32.
  Int8Weights,
  Int4Weights
};

/// "fp32", "bf16", "f16", "int8", "int8-weights", "int4-weights".
llvm::StringRef getName(NodePrecision precision);
std::optional<NodePrecision> parseNodePrecision(llvm::StringRef name);

/// How one tensor is quantized: q = saturate(round(x / scale) + zero point).
struct TensorRecipe {
  std::string name;
  /// TENON_INT8, TENON_UINT8, TENON_INT4 or TENON_UINT4.
  int32_t dtype = TENON_INT8;
  /// One, or one for each index of `axis`; of blocks, as many as blocks in row-major order, and
  /// none if they follow from the weights.
  std::vector<float> scales;
  /// As many as scales, or none, which stands for 0.
  std::vector<int64_t> zeroPoints;
  std::optional<int64_t> axis;
  /// Above 0, so many neighbours along `axis` share a scale.
  int64_t blockSize = 0;

  /// How the scales were found: "minmax", "mse", "entropy", ...
  std::string method;
  /// The numbers that the method saw or, of clipping ones, chose.
  std::optional<double> low, high;
  /// Signal to noise of the quantized tensor itself in dB: by the scales and what calibration saw,
  /// and by rounding what it holds in held-back samples or, of a constant, its elements.
  std::optional<double> predictedSqnr, measuredSqnr;
  /// Of weights that were not rounded to the nearest: all elements, in row-major order.
  std::vector<int8_t> codes;
  /// Channels of the last dimension of an activation that are not quantized: matrix products
  /// multiply them in f32, and all others as integers.
  std::vector<int64_t> outliers;
};

/// How a constant of the model changes before it is quantized: x * multiply + add, one number of
/// each for every index of `axis`, or an empty list.
struct Adjustment {
  std::string tensor;
  /// "equalization", "bias correction", "smoothing", ...
  std::string method;
  int64_t axis = 0;
  std::vector<float> multiply, add;
};

struct NodeRecipe {
  std::string name;
  /// The ONNX operator.
  std::string op;
  NodePrecision precision = NodePrecision::F32;
  /// Nodes of one group change their precision together.
  std::optional<int64_t> group;
  /// Why it has this precision, for people.
  std::string reason;
  /// Signal to noise of the outputs in dB where its group alone is lowered, measured.
  std::optional<double> measuredSqnr;
};

struct Recipe {
  /// The file's name, for people, and `digestGraph` of its graph.
  std::string model, digest;
  /// What it was made from: empty, or for people.
  std::string target, budget, data;
  int64_t calibrationSamples = 0, heldBackSamples = 0;
  std::vector<OutputLoss> predicted, measured;
  /// In the order of the graph.
  std::vector<Adjustment> adjustments;
  std::vector<TensorRecipe> tensors;
  std::vector<NodeRecipe> nodes;

  const TensorRecipe *findTensor(llvm::StringRef name) const;
  TensorRecipe *findTensor(llvm::StringRef name);
  const NodeRecipe *findNode(llvm::StringRef name) const;
  NodeRecipe *findNode(llvm::StringRef name);
};

/// Whether a path names a recipe: `*.precision.json`.
bool isRecipePath(llvm::StringRef path);

/// The recipe in a text. An error begins with `name` and says where in the text what is wrong.
llvm::Expected<Recipe> parseRecipe(llvm::StringRef text, llvm::StringRef name);
/// The text that is parsed, an entry per line.
std::string formatRecipe(const Recipe &recipe);
/// Errors name the file.
llvm::Expected<Recipe> readRecipe(llvm::StringRef path);

/// The name of a node or, if it has none, of its first output, by which messages and profiles call
/// it, too.
llvm::StringRef getNodeName(const onnx::NodeProto &node);

/// 16 hexadecimal digits that tell graphs apart by operators, names and how they are connected;
/// contents of constants do not count.
std::string digestGraph(const onnx::GraphProto &graph);

} // namespace tenon::quantize

#endif
