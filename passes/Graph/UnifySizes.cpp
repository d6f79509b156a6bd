// Replaces symbols of broadcasts by the sizes that they must be equal to.
//
//     n = broadcast(a, b); ...; require n = e   ->   n = broadcast(a, b); require n = e; ...
//
// with e for n everywhere else, if e is known where n is bound: it consists of older symbols. Runs
// end with the same error, only earlier. The same goes for symbols bound to elements of tensors,
// and for equations that give n by addition. Sizes that coincide then make other broadcasts
// trivial:
//
//     n = broadcast(a, a)   ->   a for n everywhere

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "passes/Graph/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {

#define GEN_PASS_DEF_UNIFYSIZESPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

class SizeUnifier {
public:
  explicit SizeUnifier(func::FuncOp function) : function(function) {}

  int64_t run();

private:
  bool unifyOne();
  bool unify(RequireOp op);
  bool simplify(BindBroadcastOp op);
  void replace(AffineExpr symbol, AffineExpr size);
  void eraseTrivial();

  func::FuncOp function;
  llvm::DenseMap<AffineExpr, Operation *> binders;
};

/// A symbol, and what it is equal to.
struct Solution {
  AffineExpr symbol, size;
};

/// Solves `difference` = 0 for the youngest of its symbols, so that the solution consists of older
/// ones.
std::optional<Solution> solveForYoungest(AffineExpr difference) {
  constexpr unsigned maxParts = 64; // expressions may be trees of exponential size
  if (countParts(difference, maxParts) == maxParts)
    return std::nullopt;
  unsigned numSymbols = makeDimsMap(difference, difference.getContext()).getNumSymbols();
  if (numSymbols == 0)
    return std::nullopt;
  auto simplify = [&](AffineExpr expr) { return simplifyAffineExpr(expr, 0, numSymbols); };
  AffineExpr symbol = getAffineSymbolExpr(numSymbols - 1, difference.getContext());
  AffineExpr rest = difference.replace(symbol, getAffineConstantExpr(0, difference.getContext()));
  AffineExpr part = simplify(difference - rest);
  if (part == symbol)
    return Solution{symbol, simplify(rest * -1)};
  if (part == simplify(symbol * -1))
    return Solution{symbol, simplify(rest)};
  return std::nullopt;
}

} // namespace

void SizeUnifier::replace(AffineExpr symbol, AffineExpr size) {
  auto inExprs = [&](ArrayRef<AffineExpr> exprs) {
    return llvm::map_to_vector<6>(exprs, [&](AffineExpr e) { return e.replace(symbol, size); });
  };
  AttrTypeReplacer replacer;
  // Differences of sizes may become constants, and dimensions static.
  replacer.addReplacement([&](RankedTensorType type) -> std::pair<Type, WalkResult> {
    if (!type.getEncoding()) // static, or of elements of a sequence
      return {type, WalkResult::skip()};
    return {makeTensorType(inExprs(getDims(type)), type.getElementType()), WalkResult::skip()};
  });
  replacer.addReplacement([&](AffineMapAttr attr) -> Attribute {
    return AffineMapAttr::get(
        makeDimsMap(inExprs(attr.getValue().getResults()), attr.getContext()));
  });
  replacer.recursivelyReplaceElementsIn(function, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

bool SizeUnifier::unify(RequireOp op) {
  if (op.getRelation() != SizeRelation::Equal)
    return false;
  AffineMapAttr sizes = op.getSizesAttr();
  std::optional<Solution> solution =
      solveForYoungest(sizes.getValue().getResult(0) - sizes.getValue().getResult(1));
  Operation *binder = solution ? binders.lookup(solution->symbol) : nullptr;
  if (!binder || binder->getBlock() != op->getBlock())
    return false;
  op->moveAfter(binder);
  replace(solution->symbol, solution->size);
  op.setSizesAttr(sizes);
  binders.erase(solution->symbol);
  return true;
}

bool SizeUnifier::simplify(BindBroadcastOp op) {
  llvm::SmallSetVector<AffineExpr, 4> sizes;
  sizes.insert_range(op.getSizes().getResults());
  AffineExpr symbol = getAffineSymbolExpr(op.getSymbol(), op.getContext());
  if (sizes.size() != 1 || !binders.erase(symbol))
    return false;
  replace(symbol, sizes.front());
  op.erase();
  return true;
}

bool SizeUnifier::unifyOne() {
  WalkResult found = function.walk([&](Operation *op) {
    bool changes = false;
    if (auto bind = dyn_cast<BindBroadcastOp>(op))
      changes = simplify(bind);
    else if (auto require = dyn_cast<RequireOp>(op))
      changes = unify(require);
    return changes ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found.wasInterrupted();
}

void SizeUnifier::eraseTrivial() {
  function.walk([](Operation *op) {
    auto broadcast = dyn_cast<BroadcastOp>(op);
    if (broadcast && broadcast.getOperand().getType() == broadcast.getType()) {
      broadcast.replaceAllUsesWith(broadcast.getOperand());
      op->erase();
    } else if (auto require = dyn_cast<RequireOp>(op)) {
      if (require.getSizes().getResult(0) == require.getSizes().getResult(1))
        op->erase();
    }
  });
}

int64_t SizeUnifier::run() {
  auto symbolOf = [&](auto op) { return getAffineSymbolExpr(op.getSymbol(), op.getContext()); };
  function.walk([&](Operation *op) {
    if (auto bind = dyn_cast<BindBroadcastOp>(op))
      binders[symbolOf(bind)] = op;
    else if (auto bind = dyn_cast<BindSymbolOp>(op))
      binders[symbolOf(bind)] = op;
  });
  int64_t count = 0;
  while (unifyOne())
    ++count;
  if (count)
    eraseTrivial();
  return count;
}

namespace {

struct UnifySizes : impl::UnifySizesPassBase<UnifySizes> {
  void runOnOperation() override { numUnified += SizeUnifier(getOperation()).run(); }
};

} // namespace

} // namespace tenon
