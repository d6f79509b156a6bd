// Lets contractions of integers read narrow ones.
//
// Importers write the product of quantized tensors as one of i32 tensors: narrow values, widened,
// less their zero points. An instruction that multiplies bytes wants the bytes. So each operand is
// looked at for the forms that it can take:
//
//     x = q + offset,   q of 8 or 16 bits,   offset the same for all that is summed
//
// where q is x itself if its range allows, what x is the difference of a zero point and, or either
// moved into the range of a type: bytes of the other sign, weights of which no two are more than
// 255 apart. Of the pairs of forms that an instruction of the target takes, the one is used that
// costs least beside the product. What offsets add is
//
//     (A + a)(B + b) = AB + a * columnSums(B + b) + rowSums(A) * b
//
// where the row sums of a convolution, over what each window holds, are one with a filter of ones:
// little beside many filters, if these fit a faster instruction for it. What is constant of it
// joins a constant that is added to the sum anyway.
//
// Everything is arithmetic modulo 2^32, so the result is the same whichever form is used.

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Tenon/DecomposeBuilder.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Quantize/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_FORMINTEGERCONTRACTIONSPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// A narrow form of an operand: base - shift holds what `type` does, and the operand is that plus
/// shift, less `zero` (null: nothing), moved by `transpose` if that is not null.
struct NarrowForm {
  Type type;
  Value base, zero;
  TransposeOp transpose;
  int64_t shift = 0;
  /// Work on single elements of the operand counts twice, offsets once.
  int cost = 0;

  bool hasOffset() const { return zero || shift != 0; }
};

/// A contraction whose operands are looked at.
class Contraction {
public:
  explicit Contraction(Operation *op) : op(op), matmul(dyn_cast<MatMulOp>(op)) {}

  /// Rewrites it, if an instruction is found.
  bool narrow(ArrayRef<MmaAttrInterface> mmas);

private:
  SmallVector<NarrowForm> formsOf(unsigned operand) const;
  bool isSameForAllSummed(unsigned operand, Value zero, bool isMoved) const;
  bool canSumRows() const;
  std::optional<std::pair<NarrowForm, NarrowForm>> choose(MmaAttrInterface mma) const;
  Value makeRowSums(const DecomposeBuilder &make, Value input, Type weights) const;
  void addToColumns(Value addend);
  void rewrite(const NarrowForm &input, const NarrowForm &weights);

  Operation *op;
  /// Null for a convolution.
  MatMulOp matmul;
};

bool isI32(Value value) { return getElementTypeOrSelf(value).isSignlessInteger(32); }

/// Bounds of the elements of a constant, if they can be read.
std::optional<ElementRange> scanConstant(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || !isI32(value))
    return std::nullopt;
  ElementRange range = {std::numeric_limits<double>::infinity(),
                        -std::numeric_limits<double>::infinity(), /*isIntegral=*/true};
  auto add = [&](int32_t element) {
    range.low = std::min<double>(range.low, element);
    range.high = std::max<double>(range.high, element);
  };
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    for (const APInt &element : dense.getValues<APInt>())
      add(element.getSExtValue());
  } else if (auto resource = dyn_cast<DenseI32ResourceElementsAttr>(constant.getValue())) {
    std::optional<ArrayRef<int32_t>> elements = resource.tryGetAsArrayRef();
    if (!elements)
      return std::nullopt;
    llvm::for_each(*elements, add);
  } else {
    return std::nullopt;
  }
  return range;
}

ElementRange rangeOf(Value value) {
  if (std::optional<ElementRange> range = scanConstant(value))
    return *range;
  return getElementRange(value);
}

} // namespace

/// Whether a zero point of an operand, which broadcasts with it, is one number for all elements
/// that a result sums over.
bool Contraction::isSameForAllSummed(unsigned operand, Value zero, bool isMoved) const {
  DimExprs dims = getDims(zero.getType());
  auto isOne = [](AffineExpr size) { return getConstantOr(size, 0) == 1; };
  if (llvm::all_of(dims, isOne))
    return true;
  if (!matmul || isMoved)
    return false;
  if (operand == 0)
    return isOne(dims.back());
  MatMulOp product = matmul;
  return !product.getTransposeRhs() && (dims.size() == 1 || isOne(dims[dims.size() - 2]));
}

SmallVector<NarrowForm> Contraction::formsOf(unsigned operand) const {
  Value value = op->getOperand(operand);
  MLIRContext *context = op->getContext();
  Type types[] = {IntegerType::get(context, 8, IntegerType::Unsigned), IntegerType::get(context, 8),
                  IntegerType::get(context, 16)};
  SmallVector<NarrowForm> forms;
  auto addForms = [&](Value base, Value zero, int cost, TransposeOp transpose = nullptr) {
    ElementRange range = rangeOf(base);
    if (!range.isIntegral || range.low > range.high)
      return;
    for (Type type : types) {
      ElementRange all = getElementRange(type);
      NarrowForm form = {type, base, zero, transpose, 0, cost + (zero ? 1 : 0)};
      if (!range.within(all)) {
        if (range.high - range.low > all.high - all.low || type.isInteger(16))
          continue;
        form.shift = static_cast<int64_t>(range.low - all.low);
        form.cost += 2 + (zero ? 0 : 1);
      }
      forms.push_back(form);
    }
  };
  // Transposes stand between what was quantized and a convolution.
  auto transpose = value.getDefiningOp<TransposeOp>();
  auto difference = (transpose ? transpose.getOperand() : value).getDefiningOp<SubOp>();
  if (difference && difference.getLhs().getType() == difference.getType() &&
      isSameForAllSummed(operand, difference.getRhs(), transpose))
    addForms(difference.getLhs(), difference.getRhs(), 0, transpose);
  // Of 16 bits if a zero point is subtracted: twice the bytes cost more than sums over rows.
  addForms(value, nullptr, difference ? 4 : 0);
  return forms;
}

/// Whether sums over rows of the input cost little beside the contraction.
bool Contraction::canSumRows() const {
  constexpr int64_t manyFilters = 32;
  if (matmul)
    return true;
  return cast<ConvOp>(op).getGroups() == 1 &&
         getConstantOr(getDims(op->getResult(0).getType()).back(), 0) >= manyFilters;
}

/// The cheapest pair of forms that the instruction takes.
std::optional<std::pair<NarrowForm, NarrowForm>> Contraction::choose(MmaAttrInterface mma) const {
  std::optional<std::pair<NarrowForm, NarrowForm>> best;
  if (mma.getInterleave() == 1)
    return best; // takes whole integers as well
  auto cost = [&](const NarrowForm &input, const NarrowForm &weights) {
    // Sums over rows are a kernel of their own; over windows more than weights of 16 bits cost.
    int rowSums = matmul ? 2 : 8;
    return input.cost + weights.cost + (weights.hasOffset() ? rowSums : 0);
  };
  for (const NarrowForm &weights : formsOf(1)) {
    if (weights.hasOffset() && !canSumRows())
      continue;
    for (const NarrowForm &input : formsOf(0))
      if (mma.accepts(input.type, weights.type) &&
          (!best || cost(input, weights) < cost(best->first, best->second)))
        best = {input, weights};
  }
  return best;
}

/// The narrow operand of a form.
static Value makeNarrow(const DecomposeBuilder &make, const NarrowForm &form) {
  Value narrow = form.base;
  if (form.shift)
    narrow = make.make<SubOp>({narrow, make.scalar(narrow, form.shift)});
  // Through what was widened only for the product.
  auto widened = narrow.getDefiningOp<CastOp>();
  if (widened && getElementRange(widened.getOperand()).isIntegral &&
      getElementRange(widened.getOperand()).within(getElementRange(form.type)))
    narrow = widened.getOperand();
  narrow = make.cast(narrow, form.type);
  TransposeOp transpose = form.transpose;
  if (!transpose)
    return narrow;
  return TransposeOp::create(make.b, make.loc, narrow, transpose.getPermutationAttr());
}

/// What the operand is more than its narrow form.
static Value makeOffset(const DecomposeBuilder &make, const NarrowForm &form) {
  Value shift = make.scalar(form.base, form.shift);
  return form.zero ? make.make<SubOp>({shift, form.zero}) : shift;
}

/// Sums over what the columns of the right operand, or the filters of a convolution, hold.
static Value makeColumnSums(const DecomposeBuilder &make, Value weights, MatMulOp matmul) {
  DimExprs dims = getDims(weights.getType());
  int64_t rank = dims.size();
  if (!matmul) {
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank - 1));
    return make.reshape(make.reduce(ReduceKind::Sum, weights, axes), {dims.back()});
  }
  if (!matmul.getTransposeRhs())
    return make.reduce(ReduceKind::Sum, weights, {rank - 2});
  std::swap(dims[rank - 2], dims[rank - 1]);
  dims[rank - 2] = getAffineConstantExpr(1, weights.getContext());
  return make.reshape(make.reduce(ReduceKind::Sum, weights, {rank - 1}), dims);
}

/// Erases the ops that compute the values, and what only they use.
static void eraseUnused(SmallVector<Value> values) {
  while (!values.empty()) {
    Operation *op = values.pop_back_val().getDefiningOp();
    if (!op || !isOpTriviallyDead(op))
      continue;
    llvm::append_range(values, op->getOperands());
    llvm::erase_if(values, [&](Value value) { return value.getDefiningOp() == op; });
    op->erase();
  }
}

/// Sums over what the rows of the left operand, or the windows of a convolution, hold. The latter
/// are a convolution with ones of the weights' type.
Value Contraction::makeRowSums(const DecomposeBuilder &make, Value input, Type weights) const {
  auto type = cast<RankedTensorType>(input.getType());
  if (matmul)
    return make.reduce(ReduceKind::Sum, make.cast(input, make.b.getI32Type()),
                       {type.getRank() - 1});
  auto replaceLast = [&](Value tensor) {
    DimExprs dims = getDims(tensor.getType());
    dims.back() = getAffineConstantExpr(1, make.b.getContext());
    return dims;
  };
  auto ones = makeTensorType(replaceLast(op->getOperand(1)), weights);
  Value filter = ConstantOp::create(
      make.b, make.loc, ones, DenseElementsAttr::get(ones, make.b.getIntegerAttr(weights, 1)));
  Operation *sums = make.b.clone(*op);
  sums->setOperands({input, filter});
  sums->getResult(0).setType(makeTensorType(replaceLast(op->getResult(0)), make.b.getI32Type()));
  return sums->getResult(0);
}

/// Adds what is the same for all rows to the contraction's result: to a constant that is added to
/// it next, if there is one.
void Contraction::addToColumns(Value addend) {
  Value result = op->getResult(0);
  auto next = result.hasOneUse() ? dyn_cast<AddOp>(*result.user_begin()) : nullptr;
  unsigned other = next && next.getLhs() == result ? 1 : 0;
  bool isConstant = next && next->getOperand(other).getDefiningOp<ConstantOp>();
  OpBuilder b(op->getContext());
  b.setInsertionPointAfter(op);
  if (isConstant)
    b.setInsertionPoint(next);
  DecomposeBuilder make{b, op->getLoc()};
  if (isConstant && next.getType() == result.getType()) {
    next->setOperand(other, make.make<AddOp>({next->getOperand(other), addend}));
    return;
  }
  Value sum = make.make<AddOp>({result, addend});
  result.replaceAllUsesExcept(sum, sum.getDefiningOp());
}

void Contraction::rewrite(const NarrowForm &input, const NarrowForm &weights) {
  OpBuilder b(op);
  DecomposeBuilder make{b, op->getLoc()};
  Value narrowInput = makeNarrow(make, input), narrowWeights = makeNarrow(make, weights);
  Operation *product = b.clone(*op);
  product->setOperands({narrowInput, narrowWeights});
  if (input.hasOffset()) {
    Value sums = makeColumnSums(make, op->getOperand(1), matmul);
    addToColumns(make.make<MulOp>({makeOffset(make, input), sums}));
  }
  Value result = product->getResult(0);
  if (weights.hasOffset()) {
    Value sums = makeRowSums(make, narrowInput, weights.type);
    result = make.make<AddOp>({result, make.make<MulOp>({sums, makeOffset(make, weights)})});
  }
  op->getResult(0).replaceAllUsesWith(result);
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  eraseUnused(operands);
}

bool Contraction::narrow(ArrayRef<MmaAttrInterface> mmas) {
  if (!isI32(op->getOperand(0)) || !isI32(op->getOperand(1)) || !isI32(op->getResult(0)))
    return false;
  for (MmaAttrInterface mma : mmas) {
    if (auto forms = choose(mma)) {
      rewrite(forms->first, forms->second);
      return true;
    }
  }
  return false;
}

namespace {

struct FormIntegerContractions : impl::FormIntegerContractionsPassBase<FormIntegerContractions> {
  void runOnOperation() override {
    SmallVector<Operation *> contractions;
    getOperation().walk([&](Operation *op) {
      if (isa<MatMulOp, ConvOp>(op))
        contractions.push_back(op);
    });
    if (contractions.empty())
      return;
    FailureOr<TargetAttrInterface> target = getTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    SmallVector<MmaAttrInterface> mmas = target->getMmas();
    for (Operation *op : contractions)
      if (Contraction(op).narrow(mmas))
        ++numFormed;
  }
};

} // namespace

} // namespace tenon
