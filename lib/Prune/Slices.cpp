// See the header. Elements of less than a byte are compared one by one.

#include "lib/Prune/Slices.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;

namespace tenon {

Slices::Slices(const Tensor &tensor, size_t axis)
    : tensor(tensor), count(tensor.dims[axis]), bits(tenon_dtype_bits(tensor.dtype)) {
  for (int64_t size : ArrayRef(tensor.dims).take_front(axis))
    outer *= size;
  for (int64_t size : ArrayRef(tensor.dims).drop_front(axis + 1))
    inner *= size;
}

ArrayRef<char> Slices::getRow(int64_t block, int64_t position) const {
  int64_t bytes = bits / 8;
  return ArrayRef(tensor.bytes).slice((block * count + position) * inner * bytes, inner * bytes);
}

bool Slices::isZero(int64_t position) const {
  for (int64_t block : seq(outer))
    for (int64_t element : seq(inner))
      if (tensor.element((block * count + position) * inner + element) != 0)
        return false;
  return true;
}

bool Slices::areEqual(int64_t position, int64_t other) const {
  if (bits % 8)
    return false;
  return all_of(seq(outer),
                [&](int64_t block) { return getRow(block, position) == getRow(block, other); });
}

uint64_t Slices::hash(int64_t position) const {
  uint64_t result = 0;
  if (bits % 8 == 0)
    for (int64_t block : seq(outer)) {
      ArrayRef<char> row = getRow(block, position);
      result = result * 31 + xxh3_64bits(StringRef(row.data(), row.size()));
    }
  return result;
}

} // namespace tenon
