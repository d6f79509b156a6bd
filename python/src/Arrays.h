// Between arrays, of numpy or of another library (DLPack.h), and the runtime's tensors. An array is
// read in place: it must have the very dtype and layout that the model declares, because a silent
// conversion would cost more than many models take.
#ifndef TENON_PYTHON_ARRAYS_H
#define TENON_PYTHON_ARRAYS_H

#include "python/src/DLPack.h"
#include "tenon/runtime.h"
#include <nanobind/nanobind.h>
#include <optional>
#include <string>
#include <vector>

namespace tenon::python {

/// numpy's name for an element type, e.g. "float32"; "object" for strings.
std::string getNumpyName(int32_t dtype);

/// A signature's shape as a tuple: numbers, and names (or None) where the size is free.
nanobind::tuple getShape(const tenon_tensor_info &info);

/// Whether elements lie in arrays as they do for the runtime.
bool isLaidOutAlike(int32_t dtype);

/// An input array and how the runtime sees it.
class Feed {
public:
  /// Throws TypeError or ValueError, naming the input, unless `array` can be read in place.
  Feed(const tenon_tensor_info &info, nanobind::handle array);
  tenon_tensor tensor() const;
  /// Whether the array was copied, so that it must be read again for what it holds now.
  bool isCopy() const { return dtype == TENON_STRING; }
  void readAgain() { readStrings(); }

private:
  void readStrings();

  nanobind::object array; // keeps the data alive
  std::string name;
  int32_t dtype;
  std::vector<int64_t> dims;
  void *data = nullptr;
  size_t bytes = 0;
  int32_t memory = TENON_HOST_MEMORY;
  std::optional<ForeignArray> foreign;
  std::vector<uint8_t> packed;
  std::vector<std::string> strings;
  std::vector<tenon_string> views;
};

/// An array that an output is written to.
class Destination {
public:
  /// Throws TypeError or ValueError, naming the output, unless it can be written to `array`.
  Destination(const tenon_tensor_info &info, nanobind::handle array);
  nanobind::object getArray() const { return array; }
  /// The output of a run that writes there.
  tenon_tensor tensor() const;
  /// What is wrong if the output that was written has another shape than the array; else empty.
  std::string describeMisfit(const tenon_tensor &output) const;

private:
  void take(const tenon_tensor_info &info, nanobind::handle array);

  nanobind::object array;
  std::string name;
  std::vector<int64_t> dims;
  void *data;
  size_t bytes;
  int32_t memory = TENON_HOST_MEMORY;
  std::optional<ForeignArray> foreign;
};

/// numpy.empty for an element type and a tuple of sizes; object arrays for strings.
nanobind::object makeArray(int32_t dtype, nanobind::handle shape);
void *getData(nanobind::handle array);

/// An output of a run that may write to all of the array.
tenon_tensor getRoom(nanobind::handle array);

/// A new array with a tensor's contents.
nanobind::object copyToArray(const tenon_tensor &tensor);

/// Throws the exception that suits `status`, with the runtime's message.
[[noreturn]] void raise(tenon_status status);
inline void check(tenon_status status) {
  if (status != TENON_OK)
    raise(status);
}

} // namespace tenon::python

#endif // TENON_PYTHON_ARRAYS_H
