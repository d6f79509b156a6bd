// Recurrent networks: shapes, and what their library functions take.

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"
#include <limits>

using namespace mlir;

namespace tenon {
namespace {

/// Rows of a batch that a library function steps at once.
constexpr int64_t rowsPerBlock = 4;

/// What a cell needs from each of its directions.
struct CellTraits {
  int64_t gates, states, activations;
};
constexpr CellTraits lstmTraits = {4, 2, 3}, gruTraits = {3, 1, 2}, rnnTraits = {1, 1, 1};

LogicalResult inferTypes(CellTraits traits, std::optional<Location> loc, ValueRange operands,
                         SmallVectorImpl<Type> &types) {
  DimExprs gates = getDims(operands[0].getType()), recurrent = getDims(operands[1].getType());
  if (gates.size() != 3 || recurrent.size() != 4)
    return emitOptionalError(loc, "gates need rank 3 and recurrence weights rank 4, got ",
                             operands[0].getType(), " and ", operands[1].getType());
  Type elementType = getElementTypeOrSelf(operands[0].getType());
  AffineExpr directions = recurrent[0], hidden = recurrent[2];
  types.push_back(makeTensorType({gates[0], directions, gates[1], hidden}, elementType));
  types.append(traits.states, makeTensorType({directions, gates[1], hidden}, elementType));
  return success();
}

/// Fails if an operand that is there has not the sizes that the library reads.
LogicalResult checkSizes(Operation *op, StringRef name, Value value, ArrayRef<AffineExpr> dims) {
  if (!value)
    return success();
  Type expected = makeTensorType(dims, getElementTypeOrSelf(value));
  if (areCompatibleTypes(expected, value.getType()))
    return success();
  return op->emitOpError(name) << " of type " << value.getType() << " should be " << expected;
}

template <typename OpT> LogicalResult verifyCell(CellTraits traits, OpT op) {
  auto recurrent = cast<RankedTensorType>(op.getRecurrent().getType());
  if (recurrent.getRank() != 4 || !recurrent.hasStaticShape())
    return op.emitOpError("recurrence weights need four known dimensions, got ") << recurrent;
  ArrayRef<int64_t> shape = recurrent.getShape();
  int64_t directions = op.getDirection() == RecurrentDirection::Bidirectional ? 2 : 1;
  if (shape[0] != directions)
    return op.emitOpError("has weights for ") << shape[0] << " directions, runs in " << directions;
  if (shape[3] < 1 || shape[2] % shape[3] != 0 || shape[1] * shape[3] != traits.gates * shape[2])
    return op.emitOpError("panels of ")
           << recurrent << " do not hold " << traits.gates << " gates of " << shape[2] << " units";
  auto gates = cast<RankedTensorType>(op.getGates().getType());
  int64_t width = directions * traits.gates * shape[2];
  if (gates.getShape().back() != width)
    return op.emitOpError("gates have ") << gates.getShape().back() << " columns for " << width;
  size_t activations = directions * traits.activations;
  if (op.getActivations().size() != activations || op.getAlphas().size() != activations ||
      op.getBetas().size() != activations)
    return op.emitOpError("needs ") << activations << " activations with their parameters";
  for (Attribute name : op.getActivations())
    if (!symbolizeRecurrentActivation(cast<StringAttr>(name).getValue()))
      return op.emitOpError("unknown activation ") << name;
  AffineExpr batch = getDims(gates)[1];
  auto size = [&](int64_t value) { return getAffineConstantExpr(value, op.getContext()); };
  DimExprs state = {size(directions), batch, size(shape[2])};
  if (failed(checkSizes(op, "initial state", op.getInitialHidden(), state)) ||
      failed(checkSizes(op, "lengths", op.getLengths(), batch)))
    return failure();
  if constexpr (std::is_same_v<OpT, LstmOp>)
    if (failed(checkSizes(op, "initial cells", op.getInitialCells(), state)) ||
        failed(
            checkSizes(op, "peepholes", op.getPeepholes(), {size(directions), size(3 * shape[2])})))
      return failure();
  if constexpr (std::is_same_v<OpT, GruOp>)
    return checkSizes(op, "bias of the new state", op.getNewBias(),
                      {size(directions), size(shape[2])});
  return success();
}

template <typename OpT>
void getArguments(OpT op, bool variant, SmallVectorImpl<int64_t> &ints,
                  SmallVectorImpl<double> &floats) {
  ints.append({static_cast<int64_t>(op.getDirection()), variant});
  floats.push_back(op.getClip() ? op.getClip()->convertToDouble()
                                : std::numeric_limits<double>::infinity());
  for (auto [name, alpha, beta] : llvm::zip(op.getActivations(), op.getAlphas(), op.getBetas())) {
    ints.push_back(
        static_cast<int64_t>(*symbolizeRecurrentActivation(cast<StringAttr>(name).getValue())));
    floats.append({alpha, beta});
  }
}

/// The gates of a block of rows, and for GRUs the reset state.
template <typename OpT> AffineExpr getScratch(CellTraits traits, OpT op) {
  AffineExpr hidden = getDims(op.getRecurrent().getType())[2];
  return hidden * ((traits.gates + 1) * rowsPerBlock * static_cast<int64_t>(sizeof(float)));
}

template <typename OpT> AffineExpr getTasks(OpT op) {
  AffineExpr batch = getDims(op.getGates().getType())[1];
  AffineExpr directions = getDims(op.getRecurrent().getType())[0];
  return (op.getLengths() ? batch : batch.ceilDiv(rowsPerBlock)) * directions;
}

} // namespace

#define TENON_RECURRENT_OP(OpT, function, traits, variant)                                         \
  LogicalResult OpT::inferReturnTypes(MLIRContext *, std::optional<Location> loc,                  \
                                      ValueRange operands, DictionaryAttr, OpaqueProperties,       \
                                      RegionRange, SmallVectorImpl<Type> &types) {                 \
    return inferTypes(traits, loc, operands, types);                                               \
  }                                                                                                \
  LogicalResult OpT::verify() { return verifyCell(traits, *this); }                                \
  std::string OpT::getLibraryFunction() {                                                          \
    return getLibraryFunctionName(function, getElementTypeOrSelf(getGates()));                     \
  }                                                                                                \
  void OpT::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &floats) { \
    getArguments(*this, variant, ints, floats);                                                    \
  }                                                                                                \
  AffineExpr OpT::getScratchBytes() { return getScratch(traits, *this); }                          \
  AffineExpr OpT::getMaxTasks() { return getTasks(*this); }

TENON_RECURRENT_OP(LstmOp, "lstm", lstmTraits, getCoupled())
TENON_RECURRENT_OP(GruOp, "gru", gruTraits, getLinearBeforeReset())
TENON_RECURRENT_OP(RnnOp, "rnn", rnnTraits, false)

} // namespace tenon
