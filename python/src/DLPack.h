// Arrays of other libraries, in memory of the host or of a GPU, through the exchange protocol
// DLPack
// (`__dlpack__`): no element is copied, in either direction.
#ifndef TENON_PYTHON_DLPACK_H
#define TENON_PYTHON_DLPACK_H

#include "tenon/runtime.h"
#include <nanobind/ndarray.h>
#include <vector>

namespace tenon::python {

/// Whether an object gives its memory to others.
bool offersMemory(nanobind::handle value);

/// The memory of such an object, as long as this one lives.
class ForeignArray {
public:
  /// Throws TypeError or ValueError, naming the input or output (`what`), unless the array can be
  /// read in place, or written as well.
  ForeignArray(const char *what, const tenon_tensor_info &info, nanobind::handle value,
               bool isWritten);

  std::vector<int64_t> getDims() const;
  void *getData() const { return data; }
  size_t countBytes() const { return array.nbytes(); }
  /// A tenon_memory.
  int32_t getMemory() const { return memory; }

private:
  nanobind::ndarray<nanobind::ro> array;
  void *data = nullptr;
  int32_t memory;
};

/// A tensor in the device's memory as an object with `__dlpack__`, which keeps `owner` alive.
nanobind::object exportTensor(const tenon_tensor &tensor, nanobind::handle owner);

} // namespace tenon::python

#endif // TENON_PYTHON_DLPACK_H
