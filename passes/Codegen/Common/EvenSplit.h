// Division of a length into tiles, for emitters.
#ifndef TENON_PASSES_CODEGEN_COMMON_EVENSPLIT_H
#define TENON_PASSES_CODEGEN_COMMON_EVENSPLIT_H

#include "passes/Codegen/Common/EmitHelpers.h"
#include "llvm/Support/MathExtras.h"

namespace tenon {

/// A known size is cut into `count` parts of `base` or, for the first `extra` of them, `base + 1`;
/// none is longer than `largest`. One that only a run tells is cut into parts of `largest`, and
/// what is left at the end is done in pieces whose lengths are powers of two: code is emitted for
/// few lengths then.
struct EvenSplit {
  mlir::Value size, count;

  EvenSplit(Emitter &emitter, mlir::Value size, int64_t largest) : size(size), largest(largest) {
    count = emitter.ceilDiv(size, emitter.i64(largest));
    std::optional<int64_t> constant = constantOf(size);
    if (!constant)
      return;
    int64_t parts = std::max<int64_t>(llvm::divideCeil(*constant, largest), 1);
    base = *constant / parts;
    extra = *constant % parts;
  }

  /// Where part number `part` begins; also valid for `count`, where the last one ends.
  mlir::Value begin(Emitter &emitter, mlir::Value part) const {
    if (!base)
      return emitter.min(emitter.mul(part, largest), size);
    return emitter.add(emitter.mul(part, *base), emitter.min(part, emitter.i64(extra)));
  }

  mlir::Value length(Emitter &emitter, mlir::Value part) const {
    if (!base)
      return emitter.min(emitter.sub(size, emitter.mul(part, largest)), emitter.i64(largest));
    if (extra == 0)
      return emitter.i64(*base);
    return emitter.select(emitter.less(part, emitter.i64(extra)), emitter.i64(*base + 1),
                          emitter.i64(*base));
  }

  /// Emits `body` for the pieces, from `offset` on, of a part of this length.
  void forPieces(Emitter &emitter, mlir::Value length,
                 llvm::function_ref<void(mlir::Value offset, int64_t piece)> body) const {
    mlir::Value zero = emitter.i64(0);
    if (base) {
      llvm::SmallVector<int64_t, 2> lengths = {*base};
      if (extra)
        lengths.insert(lengths.begin(), *base + 1);
      return emitter.dispatch(length, lengths, [&](int64_t piece) { body(zero, piece); });
    }
    auto emitRest = [&] {
      mlir::Value offset = zero;
      for (int64_t piece = llvm::PowerOf2Ceil(largest) / 2; piece > 0; piece /= 2) {
        mlir::Value bit = mlir::arith::AndIOp::create(emitter, length, emitter.i64(piece));
        emitter.ifThen(emitter.less(zero, bit), [&] { body(offset, piece); });
        offset = emitter.add(offset, bit);
      }
    };
    emitter.ifThen(emitter.less(length, emitter.i64(largest)), emitRest,
                   [&] { body(zero, largest); });
  }

private:
  int64_t largest, extra = 0;
  /// None if the size is not known.
  std::optional<int64_t> base;
};

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_EVENSPLIT_H
