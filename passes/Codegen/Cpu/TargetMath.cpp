// AVX-512 multiplies by powers of two in one instruction.

#include "passes/Codegen/Cpu/TargetMath.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace tenon::cpu {

/// vscalefps on each register's worth of lanes.
static std::optional<Num> scalef(Num y, Num n) {
  ImplicitLocOpBuilder &b = y.b();
  auto type = cast<VectorType>(y.type());
  int64_t lanes = type.getNumElements();
  if (type.getRank() != 1 || (lanes != 4 && lanes != 8 && lanes % 16 != 0))
    return std::nullopt;
  int64_t width = lanes % 16 == 0 ? 16 : lanes;
  auto part = VectorType::get(width, type.getElementType());
  Value all = LLVM::ConstantOp::create(b, b.getIntegerType(width == 16 ? 16 : 8), -1);
  std::string name = "llvm.x86.avx512.mask.scalef.ps." + std::to_string(width * 32);
  auto one = [&](Value v, Value e) -> Value {
    SmallVector<Value> operands{v, e, v, all};
    if (width == 16) // the rounding mode: the current one
      operands.push_back(LLVM::ConstantOp::create(b, b.getI32Type(), 4));
    return LLVM::CallIntrinsicOp::create(b, part, b.getStringAttr(name), operands).getResult(0);
  };
  if (lanes == width)
    return Num(b, one(y, n));
  Value result = y;
  for (int64_t i = 0; i < lanes; i += width) {
    Value v = LLVM::vector_extract::create(b, part, y, i);
    Value e = LLVM::vector_extract::create(b, part, n, i);
    result = LLVM::vector_insert::create(b, result, one(v, e), i);
  }
  return Num(b, result);
}

MathOptions getMathOptions(TargetAttr target) {
  MathOptions options;
  if (target.has("avx512f"))
    options.scale = scalef;
  return options;
}

namespace {

/// The dialect's interface.
struct CpuMath : TargetMath {
  using TargetMath::TargetMath;
  MathOptions getOptions(TargetAttrInterface target) const override {
    return getMathOptions(cast<TargetAttr>(target));
  }
};

} // namespace

void registerMath(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CpuDialect *dialect) { dialect->addInterfaces<CpuMath>(); });
}

} // namespace tenon::cpu
