// Arithmetic in C++ notation that emits arith and math ops, so that a numerical formula in the code
// generator reads like the formula. A `Num` is a scalar or a vector, of floats, integers or
// booleans, and the operators pick addf or addi by its type. C++ numbers become constants of the
// other operand's type:
//
//   Num r = fma(n, -kLn2High, x);
//   return select(r < 0.0, 0.0, r * r);
#ifndef TENON_PASSES_CODEGEN_COMMON_NUM_H
#define TENON_PASSES_CODEGEN_COMMON_NUM_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <initializer_list>

namespace tenon {

class Num {
public:
  Num(mlir::ImplicitLocOpBuilder &builder, mlir::Value value) : builder(&builder), value(value) {}
  /// A constant whose type comes from the operand that it meets.
  Num(double constant) : constant(constant) {}

  mlir::Value get() const { return value; }
  operator mlir::Value() const { return value; }
  mlir::Type type() const { return value.getType(); }
  mlir::ImplicitLocOpBuilder &b() const { return *builder; }
  bool isConstant() const { return !builder; }
  bool isFloat() const;

  /// `c` as a constant of this number's type.
  Num like(double c) const;
  /// `operand` itself, or its constant in this number's type.
  Num resolve(Num operand) const { return operand.isConstant() ? like(operand.constant) : operand; }
  /// This number's type with another element type.
  mlir::Type withElement(mlir::Type element) const;

private:
  mlir::ImplicitLocOpBuilder *builder = nullptr;
  mlir::Value value;
  double constant = 0;
};

Num operator+(Num x, Num y);
Num operator-(Num x, Num y);
Num operator*(Num x, Num y);
Num operator/(Num x, Num y);
Num operator-(Num x);

/// Ordered comparisons of floats, signed ones of integers.
Num operator<(Num x, Num y);
Num operator>(Num x, Num y);
Num operator<=(Num x, Num y);
Num operator>=(Num x, Num y);
Num operator==(Num x, Num y);
Num isNaN(Num x);

/// Bits of integers and booleans. `>>` keeps the sign.
Num operator&(Num x, Num y);
Num operator|(Num x, Num y);
Num operator^(Num x, Num y);
Num operator<<(Num x, int amount);
Num operator>>(Num x, int amount);

/// At most one of `x` and `y` may be a C++ number.
Num select(Num condition, Num x, Num y);
Num fma(Num x, Num y, Num z);
Num abs(Num x);
Num sqrt(Num x);
Num floor(Num x);
Num roundEven(Num x);
Num copySign(Num magnitude, Num sign);

/// The integer of the same width with the same bits, and back.
Num bits(Num x);
Num fromBits(Num x);
/// Conversions by value.
Num toF64(Num x);
Num toF32(Num x);
Num toI32(Num x);

/// x limited to [low, high]. NaN stays NaN; each side costs one min or max instruction.
Num clamp(Num x, double low, double high);
/// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
Num horner(Num x, llvm::ArrayRef<double> c);

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_NUM_H
