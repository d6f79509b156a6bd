// The subgraphs that a search for text calls: what goes into them, and what they give.

#ifndef TENON_LIB_IMPORTER_OPS_DECODERS_H
#define TENON_LIB_IMPORTER_OPS_DECODERS_H

#include "lib/Importer/Ops/TensorMath.h"
#include <memory>

namespace tenon {

/// What a call of a decoder gives: scores of the next token, f32 [R, V], and the keys and values
/// that the next call reads.
struct DecoderCall {
  mlir::Value logits;
  llvm::SmallVector<mlir::Value> states;

  explicit operator bool() const { return logits != nullptr; }
};

/// A decoder of one or more rows for each row of the batch. Its calls are null after an error.
class Decoder {
public:
  virtual ~Decoder() = default;

  /// Reads the given tokens, once for each row of the batch: R = B.
  virtual DecoderCall begin() = 0;
  /// Repeats what all calls read, and what the first one gave, for each of `count` beams.
  virtual DecoderCall spread(const DecoderCall &first, mlir::AffineExpr count);
  /// Reads the last of `tokens`, i32 [R, T]; `states` have been read for those before it.
  virtual DecoderCall next(mlir::Value tokens, mlir::ValueRange states) = 0;

  /// The tokens that every row begins with, i32 [B, S].
  mlir::Value getPrompt() const { return prompt; }
  /// The states of the rows [R'] from which others go on.
  llvm::SmallVector<mlir::Value> pick(mlir::ValueRange states, mlir::Value rows);

protected:
  Decoder(NodeImporter &node, int64_t rowAxis, int64_t lengthAxis)
      : n(node), m(node), rowAxis(rowAxis), lengthAxis(lengthAxis) {}

  /// Calls a subgraph: its first output are the scores of each token read [R, S, V], then
  /// `numStates` states follow from `firstState` on, which have read `length` tokens.
  DecoderCall call(const onnx::GraphProto &graph, mlir::ValueRange inputs, unsigned firstState,
                   unsigned numStates, mlir::AffineExpr length);
  /// States of no tokens, for inputs of `graph` from `first` on.
  llvm::SmallVector<mlir::Value> makeEmptyStates(const onnx::GraphProto &graph, unsigned first,
                                                 unsigned count, mlir::AffineExpr rows);
  /// Whether the attribute's subgraph has these numbers of inputs and outputs.
  bool checkArity(llvm::StringRef attribute, const onnx::GraphProto &graph, int64_t inputs,
                  int64_t outputs);
  /// Tokens that are not padding, as i32 numbers 0 and 1 of the same shape.
  mlir::Value markTokens(mlir::Value ids);

  NodeImporter &n;
  TensorMath m;
  int64_t rowAxis, lengthAxis;
  mlir::Value prompt;
};

/// The decoder of a node with attributes `model_type`, `decoder` and so on. `mask`, [B, S], says
/// which of the ids count, or is null. Null after an error.
std::unique_ptr<Decoder> makeDecoder(NodeImporter &node, mlir::Value ids, mlir::Value mask);

} // namespace tenon

#endif
