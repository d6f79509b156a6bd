// Scores of tokens that may come next, and the rules by which searches for text change them.

#ifndef TENON_LIB_IMPORTER_OPS_TOKENSCORES_H
#define TENON_LIB_IMPORTER_OPS_TOKENSCORES_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// N-grams of more tokens are an error.
constexpr int64_t mostTokensOfNGram = 1024;

/// Whether a token [R, V] (`dims`) behind `tokens` [R, T], i64, would repeat an n-gram of `size`
/// tokens that is there already.
mlir::Value markRepeats(NodeImporter &node, mlir::Value tokens, int64_t size,
                        llvm::ArrayRef<mlir::AffineExpr> dims);

/// Each row of dimension `axis` `count` times in a row.
mlir::Value repeatRows(NodeImporter &node, mlir::Value x, int64_t axis, mlir::AffineExpr count);

/// The rules of BeamSearch, GreedySearch and Sampling, from operands and attributes of their node.
class TokenRules {
public:
  /// Numbers of the operands that the rules read.
  struct Operands {
    unsigned minLength, repetitionPenalty, vocabMask, prefixVocabMask;
    std::optional<unsigned> presenceMask;
  };

  /// There are `beams` rows for each of the batch.
  TokenRules(NodeImporter &node, Operands operands, mlir::AffineExpr beams);

  /// Scores [R, V] in f32 by the rules, for rows of which `tokens` [R, T] have been chosen.
  /// `isFirst`: when all of these were given.
  mlir::Value apply(mlir::Value scores, mlir::Value tokens, bool isFirst);

private:
  mlir::Value penalizeRepetition(mlir::Value scores, mlir::Value tokens);
  mlir::Value maskVocabulary(mlir::Value scores, mlir::Value mask);
  mlir::Value forbidEarlyEnd(mlir::Value scores, mlir::Value tokens);
  mlir::Value forbid(mlir::Value scores, mlir::Value condition);

  NodeImporter &n;
  TensorMath m;
  mlir::AffineExpr beams;
  int64_t endToken = 0, ngramSize = 0;
  double temperature = 1, presencePenalty = 0;
  mlir::Value minLength, repetitionPenalty, vocabMask, prefixVocabMask, presenceMask;
};

} // namespace tenon

#endif
