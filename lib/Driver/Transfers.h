// What a program copies between two memories.
#ifndef TENON_LIB_DRIVER_TRANSFERS_H
#define TENON_LIB_DRIVER_TRANSFERS_H

#include <cstdint>

namespace tenon::driver {

/// What a program of a device with memory of its own brings to its host's and back: how often it
/// says so, and bytes of those tensors whose sizes are known.
struct TransferReport {
  int64_t toHost = 0, toDevice = 0, bytesToHost = 0, bytesToDevice = 0;
};

} // namespace tenon::driver

#endif
