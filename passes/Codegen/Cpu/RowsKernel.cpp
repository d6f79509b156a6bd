// Kernels of elements on CPUs: transposes go in tiles, all else as on any target.

#include "passes/Codegen/Cpu/Kernels.h"

using namespace mlir;

namespace tenon::cpu {

void emitRowsKernel(KernelEmitter &emitter) {
  emitter.withAgreeingLanes([&] {
    auto emitAll = [&] { emitRows(emitter); };
    bool reduces = !emitter.kernel.getOps<ReduceOp>().empty();
    if (reduces || !emitTransposedTiles(emitter, emitAll))
      emitAll();
  });
}

} // namespace tenon::cpu
