// What a function of the kernel library gets. A function computes one op (LibraryOpInterface):
//
//   extern "C" int32_t fn(const LibTensor *inputs, LibTensor *outputs, const int64_t *ints,
//                         const double *floats, void *scratch, int64_t task, int64_t tasks)
//
// It computes share `task` of `tasks`; whatever the number of tasks, results are the same to the
// bit. It returns 0, or an error code of runtime/abi.h. It may call functions of C99's libm and the
// memory and string functions of libc, and it has no writable static data. `floats` and `ints` are
// the op's attributes; they are constants where the function is called, and LLVM specialises it for
// them, so plain loops over attributes cost nothing.
#ifndef TENON_LIB_TARGET_KERNELLIBRARY_LIBTENSOR_H
#define TENON_LIB_TARGET_KERNELLIBRARY_LIBTENSOR_H

#include "runtime/abi.h"
#include <cstddef>

/// A row-major tensor. An omitted operand has null data.
struct LibTensor {
  void *data;
  int64_t *dims; // a function whose result sizes depend on data writes them here
  int64_t rank;

  template <typename T> T *as() const { return static_cast<T *>(data); }

  int64_t size() const { return size(0, rank); }
  /// The product of the dimensions [begin, end).
  int64_t size(int64_t begin, int64_t end) const {
    int64_t count = 1;
    for (int64_t i = begin; i < end; ++i)
      count *= dims[i];
    return count;
  }
};

// Compiled kernels fill in the structure as it is described in LibraryKernel.cpp: two pointers and
// an i64 without padding.
static_assert(sizeof(void *) == 8 && sizeof(LibTensor) == 24 && offsetof(LibTensor, data) == 0 &&
                  offsetof(LibTensor, dims) == 8 && offsetof(LibTensor, rank) == 16 &&
                  sizeof(LibTensor::rank) == 8,
              "LibraryKernel.cpp describes another LibTensor");

/// The part of [0, count) that a task does.
struct Share {
  int64_t begin, end;
  Share(int64_t count, int64_t task, int64_t tasks)
      : begin(count * task / tasks), end(count * (task + 1) / tasks) {}
};

#define TENON_KERNEL_PARAMETERS                                                                    \
  [[maybe_unused]] const LibTensor *inputs, [[maybe_unused]] LibTensor *outputs,                   \
      [[maybe_unused]] const int64_t *ints, [[maybe_unused]] const double *floats,                 \
      [[maybe_unused]] void *scratch, [[maybe_unused]] int64_t task,                               \
      [[maybe_unused]] int64_t tasks

/// Defines the function `name` as the template instance that follows, e.g.
/// TENON_KERNEL(tenon_nonzero_f32, nonZero<float>)
#define TENON_KERNEL(name, ...)                                                                    \
  extern "C" int32_t name(TENON_KERNEL_PARAMETERS) {                                               \
    return __VA_ARGS__(inputs, outputs, ints, floats, scratch, task, tasks);                       \
  }

#endif // TENON_LIB_TARGET_KERNELLIBRARY_LIBTENSOR_H
