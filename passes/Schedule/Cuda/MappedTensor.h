// Tensors that a GPU's copy engine can read: those in memory whose steps are whole chunks of 16
// bytes, as the maps say that it goes by (tenon_tensor_map_desc in runtime/abi.h).
#ifndef TENON_PASSES_SCHEDULE_CUDA_MAPPEDTENSOR_H
#define TENON_PASSES_SCHEDULE_CUDA_MAPPEDTENSOR_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon::cuda {

/// A size as a product: `factor` times the symbols whose bits are set.
struct SizeFactors {
  int64_t factor = 1;
  uint64_t symbols = 0;
};

/// Nullopt if the size is no product of a number and different symbols.
std::optional<SizeFactors> factorize(mlir::AffineExpr size);

/// A tensor that is an argument of a kernel, or a part of one.
struct MappedTensor {
  mlir::BlockArgument argument;
  /// Of the first element, in elements.
  int64_t offset;
  /// Outermost first; strides in elements, the last one being 1.
  llvm::SmallVector<SizeFactors> sizes, strides;
};

/// Nullopt if the copy engine cannot read it.
std::optional<MappedTensor> findMapped(mlir::Value tensor);

} // namespace tenon::cuda

#endif
