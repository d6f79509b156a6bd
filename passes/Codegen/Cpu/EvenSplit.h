// Even division of a length into tiles; internal to the emitters of this folder.
#ifndef TENON_PASSES_CODEGEN_CPU_EVENSPLIT_H
#define TENON_PASSES_CODEGEN_CPU_EVENSPLIT_H

#include "passes/Codegen/Cpu/EmitHelpers.h"

namespace tenon::cpu {

/// `size` cut into `count` parts of `base` or, for the first `extra` of them, `base + 1`; none is
/// longer than `largest`.
struct EvenSplit {
  mlir::Value size, count, base, extra;
  /// The part lengths that can occur.
  llvm::SmallVector<int64_t> lengths;

  EvenSplit(Emitter &emitter, mlir::Value size, int64_t largest) : size(size) {
    count = emitter.ceilDiv(size, emitter.i64(largest));
    mlir::Value divisor = emitter.max(count, emitter.i64(1));
    base = emitter.div(size, divisor);
    extra = emitter.rem(size, divisor);
    if (std::optional<int64_t> constantBase = constantOf(base)) {
      if (!isConstant(extra, 0))
        lengths.push_back(*constantBase + 1);
      lengths.push_back(*constantBase);
    } else {
      llvm::append_range(lengths, llvm::seq_inclusive<int64_t>(1, largest));
    }
  }

  /// Where part number `part` begins; also valid for `count`, where the last one ends.
  mlir::Value begin(Emitter &emitter, mlir::Value part) const {
    return emitter.add(emitter.mul(part, base), emitter.min(part, extra));
  }
  mlir::Value length(Emitter &emitter, mlir::Value part) const {
    if (lengths.size() == 1)
      return emitter.i64(lengths.front());
    mlir::Value longer = emitter.add(base, 1);
    return emitter.select(emitter.less(part, extra), longer, base);
  }
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_EVENSPLIT_H
