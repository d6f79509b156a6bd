// What mma and wgmma share: elements of all types as numbers, and products of small matrices.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_MATRICES_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_MATRICES_H

#include "lib/CudaSimulator/Ptx/Types.h"
#include <cstdint>
#include <vector>

namespace tenon::sim {

class Builder;

/// An element of a matrix operand from its bits. Every type but f64 is exact in float.
double decodeElement(Type type, uint64_t bits);

/// An accumulator from its bits, and back: f32, f16, f64 or s32. s32 wraps, or saturates.
double decodeAccumulator(Type type, uint64_t bits);
uint64_t encodeAccumulator(Type type, double value, bool saturates);

/// result[m][n] = sum over k of a[m][k] * b[k][n], added to what is there. Products of narrow types
/// are exact in double, and so nearly are their sums; hardware truncates sums at fewer bits, which
/// the instruction set leaves open.
void multiplyInto(std::vector<double> &result, const std::vector<double> &a,
                  const std::vector<double> &b, unsigned rows, unsigned columns, unsigned depth);

/// Where metadata tells of a matrix A of 16 rows and k columns, of which half are left (2:4).
struct SparseMatrix {
  Type type;
  unsigned k, selector;
};

/// The dense column of the stored element `column` of a row. `metadata` is a register of the lanes
/// of a warp. A fault if it names no two columns in their order.
unsigned sparseColumn(const SparseMatrix &matrix, const uint64_t *metadata, unsigned row,
                      unsigned column);

/// Reads a selector: one of four lanes, one of two pairs, or all (PTX ISA 9.7.14.6.1).
unsigned takeSelector(Builder &builder, Type type, unsigned k);

} // namespace tenon::sim

#endif
