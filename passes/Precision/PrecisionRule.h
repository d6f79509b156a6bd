// What a caller says about the precision of nodes.
#ifndef TENON_PASSES_PRECISION_PRECISIONRULE_H
#define TENON_PASSES_PRECISION_PRECISIONRULE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/GlobPattern.h"
#include <string>

namespace tenon {

/// In which type a node multiplies f32 numbers. Sums are f32 in any case. F32Split and F32Fast are
/// permissions to sum a product from some of bf16. TF32 is a permission to
/// round where numbers are multiplied, and changes none in memory. I8 is for the inputs of
/// products whose weights are quantized in blocks: these may be rounded to 8 bits in such blocks,
/// too.
enum class Precision { F32, F32Split, F32Fast, TF32, BF16, F16, I8 };

/// "fp32", "fp32-split", "fp32-fast", "tf32", "bf16", "f16" or "int8"; nullopt for anything else.
std::optional<Precision> parsePrecision(llvm::StringRef name);
/// The name that is parsed.
llvm::StringRef getName(Precision precision);
/// All names, with commas between.
std::string listPrecisions();
/// Of the operands of ops whose operands have one type; f32 where numbers stay so.
mlir::FloatType getType(mlir::MLIRContext *context, Precision precision);
/// Of how many products of bf16 one of f32 may be the sum: 6 for F32Split, 3 for F32Fast; else 1.
int64_t countBFloatProducts(Precision precision);
/// Whether the op multiplies weights that are quantized in blocks, before or after the graph is
/// simplified.
bool multipliesQuantized(mlir::Operation *op);

/// Gives nodes a precision. Of several rules that match a node, the last counts.
class PrecisionRule {
public:
  /// `nodes`: the name of a node, or a pattern with `*`, `?` and `[...]` for several. An error if
  /// that is no pattern, or `precision` no name of one.
  static llvm::Expected<PrecisionRule> create(llvm::StringRef nodes, llvm::StringRef precision);

  /// For the one node of this name, whatever characters are in it.
  static PrecisionRule createForNode(llvm::StringRef node, Precision precision);

  /// From `NODES=PRECISION`. NODES may contain '='.
  static llvm::Expected<PrecisionRule> parse(llvm::StringRef text);
  /// The text that is parsed.
  std::string str() const { return nodes + "=" + getName(precision).str(); }

  bool matches(llvm::StringRef node) const { return node == nodes || pattern.match(node); }
  llvm::StringRef getNodes() const { return nodes; }
  Precision getPrecision() const { return precision; }

private:
  PrecisionRule(llvm::StringRef nodes, llvm::GlobPattern pattern, Precision precision)
      : nodes(nodes), pattern(std::move(pattern)), precision(precision) {}

  std::string nodes;
  llvm::GlobPattern pattern;
  Precision precision;
};

/// The nodes whose products the op computes, by its location: the one that it came from, or, where
/// several products became one op, the first and the last.
llvm::SmallVector<llvm::StringRef, 2> getMultiplyingNodes(mlir::Operation *op);

/// The precision of an op, F32 where no rule matches. Products that are computed together have the
/// highest precision that any of them is given.
Precision findPrecision(mlir::Operation *op, llvm::ArrayRef<PrecisionRule> rules);

} // namespace tenon

#endif
