// What an op may ask for while it emits one element of its result (ElementalOpInterface).
//
// An element is computed for `lanes()` neighbouring positions at once. A LaneIndex says which index
// each lane has in one dimension: base + lane * stride with a constant stride (0: the same in every
// lane, 1: consecutive), or, when no such form is known, a vector with one index per lane. A leaf
// read at lane stride 0 is a scalar load and a broadcast, at 1 a vector load, else a gather.
//
// Values are in compute types: i1 for booleans, signless integers, f32 for half precision.

#ifndef TENON_DIALECTS_TENON_ELEMENTEMITTER_H
#define TENON_DIALECTS_TENON_ELEMENTEMITTER_H

#include "dialects/Tenon/Shape.h"
#include "mlir/IR/Builders.h"

namespace tenon {

/// The index in one dimension, for every lane.
struct LaneIndex {
  /// i64 of lane 0; or, when `general`, vector<lanes x i64>.
  mlir::Value base;
  /// Difference from one lane to the next. Unused when `general`.
  int64_t stride = 0;
  bool general = false;
  /// `base` is known to be a multiple of this.
  int64_t alignment = 1;

  bool isUniform() const { return !general && stride == 0; }
  bool operator==(const LaneIndex &other) const {
    return base == other.base && stride == other.stride && general == other.general;
  }
};

class ElementEmitter {
public:
  virtual ~ElementEmitter() = default;

  mlir::OpBuilder &builder() { return b; }
  mlir::Location loc() const { return location; }
  int64_t lanes() const { return numLanes; }
  /// Whether this code runs only where last dimensions that may repeat do not.
  bool sizesAgree() const { return doSizesAgree; }

  /// The element(s) of `tensor` at `index`, in its compute type: scalar for one lane, else vector.
  virtual mlir::Value element(mlir::Value tensor, llvm::ArrayRef<LaneIndex> index) = 0;
  /// The i64 value of an expression over the shape symbols.
  virtual mlir::Value value(mlir::AffineExpr expr) = 0;
  /// The i64 size of a dimension.
  mlir::Value dim(mlir::Value tensor, unsigned number) {
    return value(getDims(tensor.getType())[number]);
  }
  /// `inner` where `condition` (i1, or one per lane) holds, else `otherwise`. `inner` is not
  /// evaluated, or its reads are masked, where the condition does not hold.
  virtual mlir::Value guarded(mlir::Value condition, llvm::function_ref<mlir::Value()> inner,
                              mlir::Value otherwise) = 0;
  /// A loop for i in [0, count) that carries `init`; `body` returns the next values. Elements
  /// evaluated inside are not reused outside.
  virtual llvm::SmallVector<mlir::Value>
  loop(mlir::Value count, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value i, mlir::ValueRange carried)>
           body) = 0;

  // Index arithmetic. Multiplications and divisions take uniform right sides.
  mlir::Value constant(int64_t value);
  LaneIndex index(int64_t value) { return uniform(constant(value), value); }
  LaneIndex uniform(mlir::Value value, int64_t alignment = 1) {
    return LaneIndex{value, 0, false, alignment == 0 ? 1 << 20 : alignment};
  }
  LaneIndex add(LaneIndex lhs, LaneIndex rhs);
  LaneIndex sub(LaneIndex lhs, LaneIndex rhs);
  LaneIndex mul(LaneIndex lhs, mlir::Value rhs);
  LaneIndex floorDiv(LaneIndex lhs, mlir::Value rhs);
  LaneIndex mod(LaneIndex lhs, mlir::Value rhs);
  LaneIndex min(LaneIndex lhs, LaneIndex rhs);
  LaneIndex max(LaneIndex lhs, LaneIndex rhs);
  LaneIndex select(mlir::Value condition, LaneIndex ifTrue, LaneIndex ifFalse);
  /// An integer element (scalar or vector, any width, sign-extended) as an index.
  LaneIndex fromElement(mlir::Value element);
  /// The index as data: i64, or vector<lanes x i64>.
  mlir::Value toElement(LaneIndex index);
  /// Comparison: i1 when both are uniform, else one per lane.
  mlir::Value less(LaneIndex lhs, LaneIndex rhs);
  mlir::Value lessEqual(LaneIndex lhs, LaneIndex rhs);
  mlir::Value equal(LaneIndex lhs, LaneIndex rhs);
  mlir::Value logicalAnd(mlir::Value lhs, mlir::Value rhs);

  /// A constant in the compute type of `elementType`, splat over the lanes.
  mlir::Value splat(mlir::Type elementType, double value);
  /// A scalar splat over the lanes; vectors pass.
  mlir::Value broadcast(mlir::Value scalar);
  /// The compute type of an element type: scalar, and with lanes.
  static mlir::Type computeType(mlir::Type elementType);
  mlir::Type laneType(mlir::Type elementType);

  /// Row-major position of `index` in a tensor of these dims, and back.
  LaneIndex linearize(llvm::ArrayRef<LaneIndex> index, llvm::ArrayRef<mlir::AffineExpr> dims);
  llvm::SmallVector<LaneIndex> delinearize(LaneIndex position,
                                           llvm::ArrayRef<mlir::AffineExpr> dims);

protected:
  ElementEmitter(mlir::OpBuilder &builder, mlir::Location loc, int64_t lanes)
      : b(builder), location(loc), numLanes(lanes) {}

  mlir::OpBuilder &b;
  mlir::Location location;
  int64_t numLanes;
  bool doSizesAgree = false;

private:
  mlir::Value general(LaneIndex index);
  LaneIndex fromVector(mlir::Value vector);
  template <typename OpT> LaneIndex binary(LaneIndex lhs, LaneIndex rhs);
  template <typename Pred> mlir::Value compare(Pred predicate, LaneIndex lhs, LaneIndex rhs);
};

} // namespace tenon

#endif
