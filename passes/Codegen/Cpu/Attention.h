// Emission of attention for CPUs: scores, softmax and the weighted sum of values in one kernel, so
// that scores never leave the caches.
//
// A task gets a range of row blocks, a row block being some queries of one head:
//
//   for each head of keys:
//     pack its keys and values into panels
//     for each row block:
//       scores = queries * keys', scaled, masked, biased     // microkernel; to scratch in L1
//       powers = e^(scores - largest), their sums            // in place
//       result = powers * values / sums                      // microkernel
//
// Longer sequences are read in blocks of keys. A row's largest score, sum and result so far are
// then corrected from block to block ("online softmax": Milakov and Gimelshein, "Online normalizer
// calculation for softmax", 2018; Dao et al., "FlashAttention", 2022), so that scratch memory is
// bounded whatever the lengths. How keys are cut into blocks depends on their number alone: results
// are the same for any number of tasks.
#ifndef TENON_PASSES_CODEGEN_CPU_ATTENTION_H
#define TENON_PASSES_CODEGEN_CPU_ATTENTION_H

#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

/// Queries, keys or values. Strides count elements; those between neighbours of a row are 1.
struct AttentionOperand {
  mlir::Value pointer;
  mlir::Type type;
  mlir::Value batchStride, headStride, rowStride;
};

struct AttentionSpec {
  /// B, K, H / K, S and T of `tenon.attention`.
  mlir::Value batch, keyHeads, group, queryCount, keyCount;
  /// d and e.
  int64_t depth = 0, width = 0;
  AttentionOperand queries, keys, values;
  /// Keys are [d][T] in memory: `keys.rowStride` is that between elements of a key.
  bool keysAreColumns = false;
  /// Queries all of whose scores are minus infinity give zeros.
  bool zeroEmptyRows = false;
  /// `attentionScratchBytes` bytes for this task alone, 64-byte aligned.
  mlir::Value scratch;
};

/// Scratch bytes that each task needs. `depth` and `width` as above; `keyCount` if it is known.
int64_t attentionScratchBytes(AttentionScheduleAttr schedule, int64_t depth, int64_t width,
                              std::optional<int64_t> keyCount);

/// The place of a vector of scores (`column` is the key of lane 0) or of the result (its channel).
struct AttentionIndex {
  mlir::Value batch, head, query, column;
};

/// Makes scores of the products of queries and keys, or stores finished results. `mask` is null if
/// all lanes count.
using ScoreFn = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value,
                                               const AttentionIndex &, mlir::Value mask)>;
using AttentionResultFn = llvm::function_ref<void(mlir::OpBuilder &, mlir::Location, mlir::Value,
                                                  const AttentionIndex &, mlir::Value mask)>;

/// Emits share `task` of `tasks` at the builder's place, which must lie in an `llvm.func` of
/// `module`, in its entry block.
void emitAttention(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                   const AttentionSpec &spec, AttentionScheduleAttr schedule, mlir::Value task,
                   mlir::Value tasks, ScoreFn score, AttentionResultFn result);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_ATTENTION_H
