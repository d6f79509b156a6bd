// Integer instructions whose opcodes floats have, too (add, mul, min, …): the arithmetic family
// chooses by the type and asks here for the integer ones.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_INTEGERARITHMETIC_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_INTEGERARITHMETIC_H

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Lanes.h"

namespace tenon::sim {

// Handlers for a type, or null where there is none.
Handler integerAdd(Type type);
Handler integerSubtract(Type type);
Handler integerSaturated(Type type, bool subtracts);
Handler integerMinimum(Type type);
Handler integerMaximum(Type type);
Handler integerQuotient(Type type);

/// `d, a, b` of one type.
void decodeIntegerBinary(Builder &builder, Type type, Handler handler);
/// mul and mad, from `.lo`, `.hi` or `.wide` on.
void decodeIntegerProduct(Builder &builder, bool adds);
/// abs and neg.
void decodeIntegerUnary(Builder &builder, Type type, bool negates);
enum class CarryForm { Add, Subtract, MultiplyAdd };
/// add, sub and mad that read or write the carry, from `.lo`, `.hi` or `.cc` on.
void decodeCarry(Builder &builder, CarryForm form, bool readsCarry);
/// addc, subc, madc.
void addCarryArithmetic(OpcodeTable &table);

/// rem, mul24, sad, dp4a and others that only integers have.
void addIntegerArithmetic(OpcodeTable &table);

} // namespace tenon::sim

#endif
