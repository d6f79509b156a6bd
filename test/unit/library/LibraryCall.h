// Calls functions of the kernel library on vectors.

#ifndef TENON_TEST_UNIT_LIBRARY_LIBRARYCALL_H
#define TENON_TEST_UNIT_LIBRARY_LIBRARYCALL_H

#include "lib/Target/KernelLibrary/LibTensor.h"
#include <memory>
#include <vector>

using LibFunction = int32_t(TENON_KERNEL_PARAMETERS);

/// A tensor that owns its elements.
template <typename T> struct Tensor {
  std::vector<int64_t> dims;
  std::vector<T> values;

  Tensor(std::vector<int64_t> dims, std::vector<T> values)
      : dims(std::move(dims)), values(std::move(values)) {}
  explicit Tensor(std::vector<int64_t> dims, T value = T()) : dims(std::move(dims)) {
    int64_t size = 1;
    for (int64_t dim : this->dims)
      size *= dim;
    values.assign(size, value);
  }
  LibTensor view() { return {values.data(), dims.data(), static_cast<int64_t>(dims.size())}; }
};

/// What a call takes besides the tensors.
struct CallOptions {
  std::vector<int64_t> ints = {};
  std::vector<double> floats = {};
  int64_t scratchBytes = 0;
  int64_t tasks = 1;
};

/// Runs all tasks, one after the other, each with scratch memory of its own.
inline int32_t call(LibFunction *function, std::vector<LibTensor> inputs,
                    std::vector<LibTensor> outputs, const CallOptions &options) {
  for (int64_t task = 0; task < options.tasks; ++task) {
    std::vector<char> scratch(options.scratchBytes + 64);
    void *aligned = scratch.data();
    size_t space = scratch.size();
    std::align(64, options.scratchBytes, aligned, space);
    if (int32_t code = function(inputs.data(), outputs.data(), options.ints.data(),
                                options.floats.data(), aligned, task, options.tasks))
      return code;
  }
  return 0;
}

inline constexpr LibTensor omitted = {nullptr, nullptr, 0};

#endif
