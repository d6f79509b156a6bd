// What recurrent nodes have in common: sizes, activations and states of LSTM, GRU, RNN and of the
// quantized forms of com.microsoft.

#ifndef TENON_LIB_IMPORTER_OPS_RECURRENT_H
#define TENON_LIB_IMPORTER_OPS_RECURRENT_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// What a cell needs from each of its directions.
struct CellTraits {
  int64_t gates;
  llvm::ArrayRef<llvm::StringRef> activations;
};

extern const CellTraits lstmTraits;

/// An activation function with its parameters.
struct Activation {
  RecurrentActivation kind;
  double alpha, beta;
};

/// Weights are [D, G*H, I] in ONNX, which is outputs first.
enum class WeightOrder { OutputsFirst, InputsFirst };

class RecurrentImporter {
public:
  using Value = mlir::Value;

  RecurrentImporter(NodeImporter &node, CellTraits traits,
                    WeightOrder order = WeightOrder::OutputsFirst)
      : n(node), m(node), traits(traits), order(order), batchFirst(node.getBool("layout", false)) {}

  /// Reads sizes and attributes that all cells have. False after an error.
  bool read();
  /// The precomputed gates; `bias` is [D, G*H] or null.
  Value buildGates(Value bias);
  Value buildRecurrent();
  /// The sum of the input's and the recurrence's bias [D, G*H]; null when there is none.
  Value buildBias();
  /// An initial state operand as [D, B, H] of f32; null when omitted.
  Value getState(unsigned number);
  Value getLengths();
  /// An operand as f32.
  Value get(unsigned number) {
    Value operand = n.operand(number);
    return operand ? n.cast(operand, n.builder().getF32Type()) : Value();
  }
  /// What bounds the inputs of activations; nothing if the node says nothing.
  std::optional<double> getClip();
  llvm::SmallVector<mlir::NamedAttribute> getAttributes(mlir::NamedAttribute segments);
  /// The op's results in the node's layout and element type.
  Results finish(mlir::Operation *op);
  /// Gives an operand that is there the sizes that it must have, checked at run time if need be.
  void setSizes(unsigned number, llvm::ArrayRef<mlir::AffineExpr> dims, llvm::StringRef what);

  NodeImporter &n;
  TensorMath m;
  CellTraits traits;
  WeightOrder order;
  bool batchFirst;
  int64_t directions = 1, hidden = 0;
  mlir::AffineExpr inputs;
  RecurrentDirection direction = RecurrentDirection::Forward;
  /// Those of the first direction, then those of the second.
  llvm::SmallVector<Activation> activations;

private:
  bool readActivations();
  void setStateSizes();
};

} // namespace tenon

#endif
