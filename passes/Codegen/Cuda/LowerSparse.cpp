// Products of matrices of a warp of which half is zero, as mma.sp.
//
// What a lane has of the left operand is what it has of one that is half as deep (LowerTiles.cpp);
// of the right operand, words of both parts one behind the other. Words of places are in the order
// that the instruction wants, and its selector says which lanes' words count: of halves, those of
// two in four, in turn.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/TargetInterfaces.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "passes/Codegen/Cuda/LowerTiles.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

/// Whether the instruction's form whose places ascend is there: the only one that later
/// architectures have in hardware. Places always ascend.
static bool hasOrderedPlaces(Operation *op) {
  constexpr int64_t firstVersion = 85; // of PTX
  auto target = op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>(kTargetAttrName);
  return target && target.getPtx() >= firstVersion;
}

namespace {

struct LowerMmaSparse : ConvertOpToLLVMPattern<MmaSparseOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MmaSparseOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    SmallVector<Value> results;
    for (int64_t half = 0; half < 2; ++half)
      llvm::append_range(results, multiply(em, op, adaptor, half));
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, op.getType(), results);
    return success();
  }

private:
  /// Eight of the columns.
  static SmallVector<Value> multiply(Emitter &em, MmaSparseOp op, OpAdaptor adaptor, int64_t half) {
    SmallVector<Value> a = getWords(em, adaptor.getLeft(), 0, 4, op.getLeftNumber());
    SmallVector<Value> b = getWords(em, adaptor.getFirst(), 2 * half, 2, op.getRightNumber());
    llvm::append_range(b, getWords(em, adaptor.getSecond(), 2 * half, 2, op.getRightNumber()));
    SmallVector<Value> c = extract(em, adaptor.getSums(), 4 * half, 4);
    Type element = cast<VectorType>(op.getType()).getElementType();
    auto type =
        LLVM::LLVMStructType::getLiteral(em.getContext(), SmallVector<Type>(c.size(), element));
    std::optional<NVVM::MMAIntOverflow> overflow;
    if (element.isInteger(32))
      overflow = NVVM::MMAIntOverflow::wrapped;
    std::array types = {getMmaType(op.getLeftNumber()), getMmaType(op.getRightNumber())};
    int64_t depth = element.isInteger(32) ? 2 * kDepthBytes : kDepthBytes;
    Value selector = em.create<arith::ConstantIntOp>(em.getI32Type(), op.getPart());
    auto mma = em.create<NVVM::MmaSpOp>(type, a, b, c, adaptor.getPlaces(), selector,
                                        ArrayRef<int64_t>{16, 8, depth}, overflow, types);
    mma.setOrderedMetadata(hasOrderedPlaces(op));
    for (auto [i, sum] : llvm::enumerate(c))
      sum = em.create<LLVM::ExtractValueOp>(mma, i);
    return c;
  }
};

} // namespace

void populateSparsePatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerMmaSparse>(converter);
}

} // namespace tenon::cuda
