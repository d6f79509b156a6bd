// Slices of a tensor along one of its axes: the weights of one channel.

#ifndef TENON_LIB_PRUNE_SLICES_H
#define TENON_LIB_PRUNE_SLICES_H

#include "lib/Tensors/Tensor.h"

namespace tenon {

class Slices {
public:
  /// `tensor` must live as long.
  Slices(const Tensor &tensor, size_t axis);

  int64_t size() const { return count; }
  /// Whether all elements of a slice are zero, of either sign.
  bool isZero(int64_t position) const;
  bool areEqual(int64_t position, int64_t other) const;
  uint64_t hash(int64_t position) const;

  /// Calls `visit` with the index of each element of a slice, in order.
  template <typename Visit> void forEach(int64_t position, Visit visit) const {
    for (int64_t block = 0; block < outer; ++block)
      for (int64_t element = 0; element < inner; ++element)
        visit((block * count + position) * inner + element);
  }

private:
  llvm::ArrayRef<char> getRow(int64_t block, int64_t position) const;

  const Tensor &tensor;
  int64_t outer = 1, count, inner = 1, bits;
};

} // namespace tenon

#endif
