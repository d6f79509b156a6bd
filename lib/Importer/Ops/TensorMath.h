// Short names for building arithmetic on tensors while a node is imported. A null value in gives a
// null value out (see NodeImporter.h on errors).

#ifndef TENON_LIB_IMPORTER_OPS_TENSORMATH_H
#define TENON_LIB_IMPORTER_OPS_TENSORMATH_H

#include "lib/Importer/NodeImporter.h"
#include "lib/Importer/OpRegistry.h"
#include "lib/Importer/Ops/Ops.h"
#include "lib/Importer/RunTimeChecks.h"

namespace tenon {

/// What import functions return.
using Results = llvm::FailureOr<llvm::SmallVector<mlir::Value>>;

class TensorMath {
public:
  using Value = mlir::Value;
  using Ints = llvm::ArrayRef<int64_t>;

  explicit TensorMath(NodeImporter &node) : n(node) {}

  /// A scalar of the element type of `like`.
  Value scalar(Value like, double value) {
    return like ? n.makeScalar(n.elementType(like), value) : Value();
  }
  bool isFloat(Value value) { return value && llvm::isa<mlir::FloatType>(n.elementType(value)); }

  Value add(Value a, Value b) { return n.infer<AddOp>({a, b}); }
  Value sub(Value a, Value b) { return n.infer<SubOp>({a, b}); }
  Value mul(Value a, Value b) { return n.infer<MulOp>({a, b}); }
  Value div(Value a, Value b) { return n.infer<DivOp>({a, b}); }
  Value min(Value a, Value b) { return n.infer<MinOp>({a, b}); }
  Value max(Value a, Value b) { return n.infer<MaxOp>({a, b}); }
  Value pow(Value a, Value b) { return n.infer<PowOp>({a, b}); }
  Value less(Value a, Value b) { return n.infer<LessOp>({a, b}); }
  Value lessEqual(Value a, Value b) { return n.infer<LessEqualOp>({a, b}); }
  Value equal(Value a, Value b) { return n.infer<EqualOp>({a, b}); }
  Value add(Value a, double b) { return add(a, scalar(a, b)); }
  Value sub(Value a, double b) { return sub(a, scalar(a, b)); }
  Value mul(Value a, double b) { return mul(a, scalar(a, b)); }
  Value div(Value a, double b) { return div(a, scalar(a, b)); }
  Value min(Value a, double b) { return min(a, scalar(a, b)); }
  Value max(Value a, double b) { return max(a, scalar(a, b)); }
  Value pow(Value a, double b) { return pow(a, scalar(a, b)); }
  Value less(Value a, double b) { return less(a, scalar(a, b)); }
  Value less(double a, Value b) { return less(scalar(b, a), b); }
  Value lessEqual(Value a, double b) { return lessEqual(a, scalar(a, b)); }
  Value equal(Value a, double b) { return equal(a, scalar(a, b)); }

  Value select(Value condition, Value a, Value b) { return n.infer<SelectOp>({condition, a, b}); }
  Value logicalAnd(Value a, Value b) { return n.infer<AndOp>({a, b}); }
  Value logicalOr(Value a, Value b) { return n.infer<OrOp>({a, b}); }
  Value logicalNot(Value a) { return n.infer<NotOp>(a); }
  Value abs(Value a) { return n.infer<AbsOp>(a); }
  Value neg(Value a) { return n.infer<NegOp>(a); }
  Value exp(Value a) { return n.infer<ExpOp>(a); }
  Value log(Value a) { return n.infer<LogOp>(a); }
  Value sqrt(Value a) { return n.infer<SqrtOp>(a); }
  Value reciprocal(Value a) { return n.infer<ReciprocalOp>(a); }
  Value floor(Value a) { return n.infer<FloorOp>(a); }
  Value ceil(Value a) { return n.infer<CeilOp>(a); }
  Value clamp(Value a, double low, double high) { return min(max(a, low), high); }

  /// Reduced dimensions stay with size 1.
  Value reduce(ReduceKind kind, Value a, Ints axes) {
    if (axes.empty())
      return a;
    return n.infer<ReduceOp>(
        a, {n.attr("axes", axes), n.attr("kind", ReduceKindAttr::get(n.context(), kind))});
  }
  Value sum(Value a, Ints axes) { return reduce(ReduceKind::Sum, a, axes); }
  Value mean(Value a, Ints axes) { return reduce(ReduceKind::Mean, a, axes); }
  Value maximum(Value a, Ints axes) { return reduce(ReduceKind::Max, a, axes); }

  Value transpose(Value a, Ints permutation) {
    if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
      return a;
    return n.infer<TransposeOp>(a, n.attr("permutation", permutation));
  }
  /// Broadcast to exactly these dimensions.
  Value broadcast(Value a, llvm::ArrayRef<mlir::AffineExpr> dims) {
    if (!a)
      return a;
    mlir::RankedTensorType type = makeTensorType(dims, n.elementType(a));
    return type == a.getType() ? a : n.make<BroadcastOp>(type, a);
  }
  Value concat(mlir::ValueRange inputs, int64_t axis) {
    return inputs.size() == 1 ? inputs[0] : n.infer<ConcatOp>(inputs, n.attr("axis", axis));
  }
  Value gather(Value a, Value indices, int64_t axis) {
    return n.infer<GatherOp>({a, indices}, n.attr("axis", axis));
  }
  /// The indices [rank, count] of the elements that are not zero; the count is a new symbol.
  Value nonZero(Value a, llvm::StringRef symbol);
  /// Positions `start + i * step` for i in [0, size) of one dimension.
  Value slice(Value a, int64_t axis, mlir::AffineExpr start, mlir::AffineExpr size,
              int64_t step = 1);
  Value slice(Value a, int64_t axis, int64_t start, int64_t size) {
    return slice(a, axis, n.expr(start), n.expr(size));
  }
  /// Grows the tensor to `dims`, its elements starting at `low`. Zeros around it if no value is
  /// given.
  Value pad(Value a, llvm::ArrayRef<mlir::AffineExpr> low, llvm::ArrayRef<mlir::AffineExpr> dims,
            Value value = nullptr);
  /// Puts `spacing` - 1 zeros behind each position of dimension `axis`.
  Value spreadOut(Value a, int64_t axis, int64_t spacing);
  /// The tensor with these dimensions, which must be its own in every run, though types may not
  /// tell. `what` names it in errors.
  Value sized(Value a, llvm::ArrayRef<mlir::AffineExpr> dims, llvm::StringRef what);
  /// Inserts dimensions of size 1 at these positions of the result.
  Value unsqueeze(Value a, Ints axes);
  /// Drops dimensions of size 1.
  Value squeeze(Value a, Ints axes);
  /// [0, 1, ...) along `axis` of a tensor of these dimensions.
  Value iota(llvm::ArrayRef<mlir::AffineExpr> dims, int64_t axis, mlir::Type elementType);
  /// i64 [0, size) along `axis`, with size 1 in all other dimensions.
  Value iotaAlong(int64_t rank, int64_t axis, mlir::AffineExpr size);
  /// The values as an integer tensor of rank 1.
  Value shapeTensor(llvm::ArrayRef<mlir::AffineExpr> values);
  /// A value as a rank-0 tensor of type i64.
  Value shapeScalar(mlir::AffineExpr value);
  /// A constant of rank 1.
  Value constants(mlir::Type elementType, llvm::ArrayRef<double> values);
  /// A tensor of one element as rank 0. The run ends with an error if it has more or fewer.
  Value toScalar(Value a) {
    if (a)
      requireEqual(n, product(n.dims(a), n.context()), n.expr(1), "elements of a scalar");
    return n.reshape(a, {});
  }

  /// x over channels: a tensor [C] shaped so that it broadcasts along dimension 1 of rank `rank`.
  Value alongChannels(Value a, int64_t rank);
  /// [N, C, spatial...] to [N, spatial..., C], and back.
  Value toChannelsLast(Value a);
  Value toChannelsFirst(Value a);

private:
  NodeImporter &n;
};

/// 0, 1, ... count - 1.
inline NodeImporter::Ints countUp(int64_t count) {
  return llvm::to_vector(llvm::seq<int64_t>(0, std::max<int64_t>(count, 0)));
}

/// Axes from operand `number` (which must be constant) or the attribute `axes`, normalized; nullopt
/// when neither is there. Errors are reported.
std::optional<NodeImporter::Ints> getAxes(NodeImporter &node, unsigned number, int64_t rank);

/// For axes that only a run tells: an i64 tensor [rank] with 1 where a dimension is one of `axes`.
/// Null after an error.
mlir::Value flagAxes(NodeImporter &node, mlir::Value axes, int64_t rank);

/// Turns the first `lengths`[b] positions of each sequence of `data` around: those along dimension
/// `time` at position b of dimension `batch`.
mlir::Value reverseSequences(NodeImporter &node, mlir::Value data, mlir::Value lengths,
                             int64_t time, int64_t batch);

/// The product of `numerator` over that of `denominator`, common factors cancelled.
mlir::AffineExpr divideProducts(llvm::ArrayRef<mlir::AffineExpr> numerator,
                                llvm::ArrayRef<mlir::AffineExpr> denominator,
                                mlir::MLIRContext *context);

/// A pointwise or other op that infers its type from its first operand.
template <typename OpT> Results importUnary(NodeImporter &node) {
  return {{node.infer<OpT>(node.operand(0))}};
}
template <typename OpT> Results importBinary(NodeImporter &node) {
  return {{node.infer<OpT>({node.operand(0), node.operand(1)})}};
}

} // namespace tenon

#endif
