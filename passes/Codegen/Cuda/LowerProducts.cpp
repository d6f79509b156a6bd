// Products of matrices of a warp, as mma and, of a left operand of which half is zero, as mma.sp.
//
// An instruction computes eight columns, an op sixteen. What a lane has of the operands is in
// LowerTiles.cpp; of mma.sp it has a left operand that is half as deep, and of the right one words
// of both parts one behind the other. Words of places are in the order that the instruction wants,
// and its selector says which lanes' words count: of halves, those of two in four, in turn.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/TargetInterfaces.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "passes/Codegen/Cuda/LowerTiles.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

static bool isFloat8(Number number) { return number == Number::E4M3 || number == Number::E5M2; }

/// What the dialect's ops call a number.
static NVVM::MMATypes getMmaType(Number number) {
  switch (number) {
  case Number::F16:
    return NVVM::MMATypes::f16;
  case Number::BF16:
    return NVVM::MMATypes::bf16;
  case Number::TF32:
    return NVVM::MMATypes::tf32;
  case Number::S8:
    return NVVM::MMATypes::s8;
  case Number::U8:
    return NVVM::MMATypes::u8;
  case Number::E4M3:
  case Number::E5M2:
    break; // the dialect has no such op
  }
  llvm_unreachable("no other numbers");
}

static int64_t getDepth(Number number) {
  switch (number) {
  case Number::F16:
  case Number::BF16:
    return kDepthBytes / 2;
  case Number::TF32:
    return kDepthBytes / 4;
  case Number::S8:
  case Number::U8:
  case Number::E4M3:
  case Number::E5M2:
    return kDepthBytes;
  }
  llvm_unreachable("no other numbers");
}

/// Words [first, first + count), as an instruction's operands are typed that multiplies such
/// numbers.
static SmallVector<Value> getWords(Emitter &em, Value words, int64_t first, int64_t count,
                                   Number number) {
  SmallVector<Value> parts = extract(em, words, first, count);
  if (number == Number::F16)
    for (Value &part : parts)
      part = em.create<LLVM::BitcastOp>(VectorType::get({2}, em.getF16Type()), part);
  return parts;
}

/// Whether the instruction's form whose places ascend is there: the only one that later
/// architectures have in hardware. Places always ascend.
static bool hasOrderedPlaces(Operation *op) {
  constexpr int64_t firstVersion = 85; // of PTX
  auto target = op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>(kTargetAttrName);
  return target && target.getPtx() >= firstVersion;
}

namespace {

/// What an instruction takes and gives, beside the right operand.
struct Instruction {
  SmallVector<Value> left, sums;
  /// Of the sums together.
  Type type;
  std::optional<NVVM::MMAIntOverflow> overflow;

  template <typename Op>
  Instruction(Emitter &em, Op op, typename Op::Adaptor adaptor, int64_t half)
      : left(getWords(em, adaptor.getLeft(), 0, 4, op.getLeftNumber())),
        sums(extract(em, adaptor.getSums(), 4 * half, 4)) {
    Type element = cast<VectorType>(op.getType()).getElementType();
    type =
        LLVM::LLVMStructType::getLiteral(em.getContext(), SmallVector<Type>(sums.size(), element));
    if (element.isInteger(32))
      overflow = NVVM::MMAIntOverflow::wrapped;
  }
};

} // namespace

// LLVM has no such intrinsic. Effects keep the instruction where all lanes of the warp are.
static Value multiplyFloat8(Emitter &em, MmaOp op, const Instruction &instruction,
                            ArrayRef<Value> right) {
  std::string text =
      llvm::formatv("mma.sync.aligned.m16n8k32.row.col.f32.{0}.{1}.f32 "
                    "{{$0, $1, $2, $3}, {{$4, $5, $6, $7}, {{$8, $9}, "
                    "{{$10, $11, $12, $13};",
                    stringifyNumber(op.getLeftNumber()), stringifyNumber(op.getRightNumber()));
  SmallVector<Value> operands =
      llvm::to_vector(llvm::concat<const Value>(instruction.left, right, instruction.sums));
  auto sums = em.create<LLVM::InlineAsmOp>(
      TypeRange(ArrayRef(instruction.type)), operands, text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f",
      /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr(), ArrayAttr());
  return sums.getRes();
}

static Value multiply(Emitter &em, MmaOp op, MmaOp::Adaptor adaptor, int64_t half) {
  Instruction instruction(em, op, adaptor, half);
  SmallVector<Value> right = getWords(em, adaptor.getRight(), 2 * half, 2, op.getRightNumber());
  if (isFloat8(op.getLeftNumber()))
    return multiplyFloat8(em, op, instruction, right);
  std::array types = {getMmaType(op.getLeftNumber()), getMmaType(op.getRightNumber())};
  std::array layouts = {NVVM::MMALayout::row, NVVM::MMALayout::col};
  return em.create<NVVM::MmaOp>(instruction.type, instruction.left, right, instruction.sums,
                                ArrayRef<int64_t>{16, 8, getDepth(op.getLeftNumber())},
                                std::nullopt, instruction.overflow, types, layouts);
}

static Value multiply(Emitter &em, MmaSparseOp op, MmaSparseOp::Adaptor adaptor, int64_t half) {
  Instruction instruction(em, op, adaptor, half);
  SmallVector<Value> right = getWords(em, adaptor.getFirst(), 2 * half, 2, op.getRightNumber());
  llvm::append_range(right, getWords(em, adaptor.getSecond(), 2 * half, 2, op.getRightNumber()));
  std::array types = {getMmaType(op.getLeftNumber()), getMmaType(op.getRightNumber())};
  Value selector = em.create<arith::ConstantIntOp>(em.getI32Type(), op.getPart());
  auto product = em.create<NVVM::MmaSpOp>(
      instruction.type, instruction.left, right, instruction.sums, adaptor.getPlaces(), selector,
      ArrayRef<int64_t>{16, 8, 2 * getDepth(op.getLeftNumber())}, instruction.overflow, types);
  product.setOrderedMetadata(hasOrderedPlaces(op));
  return product;
}

namespace {

template <typename Op> struct LowerProduct : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    SmallVector<Value> results;
    for (int64_t half = 0; half < 2; ++half) {
      Value sums = multiply(em, op, adaptor, half);
      for (int64_t i = 0; i < 4; ++i)
        results.push_back(em.create<LLVM::ExtractValueOp>(sums, i));
    }
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, op.getType(), results);
    return success();
  }
};

} // namespace

void populateProductPatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerProduct<MmaOp>, LowerProduct<MmaSparseOp>>(converter);
}

} // namespace tenon::cuda
