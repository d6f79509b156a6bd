// The `cuda` dialect: NVIDIA GPUs, and how kernels are computed on them.

#ifndef TENON_CUDA_ATTRIBUTES_TD
#define TENON_CUDA_ATTRIBUTES_TD

include "dialects/Target/TargetInterfaces.td"
include "dialects/Target/WeightLayout.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Cuda_Dialect : Dialect {
  let name = "cuda";
  let cppNamespace = "::tenon::cuda";
  let summary = "NVIDIA GPUs, and schedules of kernels on them";
  let description = [{
    Attributes only. `#cuda.target` on a module names the architecture; the schedule of each kernel says
    how it is computed there. A kernel's `tasks` are the thread blocks of a launch.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Cuda_Attr<string name, string attrMnemonic, list<Trait> traits>
    : AttrDef<Cuda_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
}

class Cuda_Schedule<string name, string attrMnemonic>
    : Cuda_Attr<name # "Schedule", attrMnemonic # "_schedule", [ScheduleAttrInterface]> {
  let genVerifyDecl = 1;
}

class Cuda_Count<string what, string default> : DefaultValuedParameter<"int64_t", default> {
  let summary = what;
}

class Cuda_Flag<string what> : DefaultValuedParameter<"bool", "false"> {
  let summary = what;
}

def Cuda_TargetAttr : Cuda_Attr<"Target", "target",
                                [DeclareAttrInterfaceMethods<TargetAttrInterface>]> {
  let summary = "a GPU architecture, as far as schedules and code depend on it";
  let description = [{
    Stands on the module as `tenon.target`, written by `tenon-assign-target`. The numbers are those of
    the largest data-center or desktop GPU of the architecture; any other runs the same code, whose
    results do not depend on them. A new architecture is a new row in the table of
    dialects/Target/Cuda/CudaTargets.cpp.

    `host_cpu` is the processor of the machine that the GPU is in. It runs the program, and the kernels for
    which there is no GPU code.

    ```mlir
    module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", ptx = 71,
        host_cpu = #cpu.target<name = "x86-64-v3">>} {}
    ```
  }];
  let parameters = (ins
      StringRefParameter<"as in --target, without the kind of device">:$name,
      StringRefParameter<"NVIDIA's name, and LLVM's -mcpu">:$arch,
      Cuda_Count<"the version of PTX that the code is written in, times 10", "71">:$ptx,
      Cuda_Count<"multiprocessors", "108">:$multiprocessors,
      Cuda_Count<"threads that one of them holds", "2048">:$threads,
      Cuda_Count<"32-bit registers of one of them", "65536">:$registers,
      Cuda_Count<"shared memory that one block may have", "166912">:$shared_bytes,
      Cuda_Count<"second cache", "40 << 20">:$l2_bytes,
      Cuda_Count<"products of halves that a multiprocessor's matrix units add up in a cycle", "1024">:$mma_rate,
      Cuda_Count<"the same where warpgroups multiply what is in shared memory (wgmma); 0: they cannot", "0">:$wgmma_rate,
      AttrParameter<"::mlir::Attribute", "the processor of the program around the kernels">:$host_cpu);
  let extraClassDeclaration = [{
    /// Lanes of a warp, which compute together.
    static constexpr int64_t warpSize = 32;
    /// Whether a kernel may begin before the one in front of it has ended (`griddepcontrol`).
    bool overlapsLaunches() const;
    /// Whether matrix units multiply floats of 8 bits, and an instruction converts them.
    bool hasFloat8() const;
  }];
}

def Cuda_MmaInstruction : I32Enum<"MmaInstruction", "what multiplies and adds", [
    I32EnumCase<"Fma", 0, "fma">, I32EnumCase<"Mma", 1, "mma">, I32EnumCase<"MmaTf32", 2, "mma_tf32">,
    I32EnumCase<"Wgmma", 3, "wgmma">, I32EnumCase<"WgmmaTf32", 4, "wgmma_tf32">,
    I32EnumCase<"MmaSparse", 5, "mma_sparse">,
    I32EnumCase<"Mma3xTf32", 6, "mma_3xtf32">, I32EnumCase<"WgmmaSparse", 7, "wgmma_sparse">]> {
  let cppNamespace = "::tenon::cuda";
}

def Cuda_MmaAttr : Cuda_Attr<"Mma", "mma", [DeclareAttrInterfaceMethods<MmaAttrInterface>]> {
  let summary = "an instruction that multiplies and adds";
  let description = [{
    - `fma`: one channel, of elements that are widened to the sum's type first. Any types; integers
      take a multiplication and an addition.
    - `mma`: matrices of a warp, of f16, of bf16, of bytes of either sign or, from `sm_89` on, of
      floats of 8 bits of either kind, whose sums are f32 or i32.
    - `mma_tf32`: matrices of f32, each number rounded to 11 bits (tf32) first.
    - `mma_3xtf32`: matrices of f32, each number as the sum of two of tf32, of whose four products the
      smallest is left out: about as exact as f32.
    - `wgmma`: the same numbers as `mma`, matrices of a warpgroup that are in shared memory.
    - `wgmma_tf32`: the same of f32, each number cut to 11 bits.
    - `mma_sparse`: the same numbers as `mma`, but floats of 8 bits, of weights of which two in four are
      zero (2:4).
    - `wgmma_sparse`: the same numbers as `mma_sparse`, matrices of a warpgroup that are in shared memory.

    ```mlir
    #cuda.mma<mma>
    ```
  }];
  let parameters = (ins EnumParameter<Cuda_MmaInstruction>:$instruction);
  let assemblyFormat = "`<` $instruction `>`";
  let extraClassDeclaration = [{
    /// Whether it reads weights without the two zeros among each four.
    bool isSparse() const {
      return getInstruction() == MmaInstruction::MmaSparse || getInstruction() == MmaInstruction::WgmmaSparse;
    }
    /// Whether a warpgroup multiplies what is in shared memory.
    bool isOfWarpgroup() const {
      return getInstruction() == MmaInstruction::Wgmma || getInstruction() == MmaInstruction::WgmmaTf32 ||
             getInstruction() == MmaInstruction::WgmmaSparse;
    }
    /// To what it rounds numbers of f32, null if it takes no such, and of how many products of
    /// that each product is the sum.
    ::mlir::FloatType getPart() const;
    int64_t getProducts() const {
      return getInstruction() == MmaInstruction::Mma3xTf32 ? 3 : 1;
    }
  }];
}

def Cuda_RowsScheduleAttr : Cuda_Schedule<"Rows", "rows"> {
  let summary = "how elements are computed one by one, and rows are reduced";
  let description = [{
    The schedule of a kernel of strategy `rows`. A thread computes `lanes` neighbouring elements at a
    time, where the last dimension is a known multiple of that, and one otherwise. Rows that are
    reduced along their last dimension are shared by a team: of one thread, of a warp (32), or of a
    whole block.

    ```mlir
    #cuda.rows_schedule<lanes = 4, threads = 256, team = 32>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"neighbouring elements of a thread", "4">:$lanes,
      Cuda_Count<"threads of a block", "256">:$threads,
      Cuda_Count<"threads that share a row", "32">:$team);
}

def Cuda_ContractionScheduleAttr : Cuda_Schedule<"Contraction", "contraction"> {
  let summary = "how a matrix product or convolution is computed";
  let description = [{
    The schedule of a kernel of strategy `contraction`. A block computes tiles of `tile_rows` positions
    by `tile_columns` outputs, each thread `thread_rows` by `thread_columns` of them in registers. For
    `depth` channels at a time, both operands' parts of a tile are in shared memory.

    ```mlir
    #cuda.contraction_schedule<tile_rows = 64, tile_columns = 64, depth = 16, thread_rows = 4,
        thread_columns = 4, mma = #cuda.mma<fma>>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"positions of a block's tile", "64">:$tile_rows,
      Cuda_Count<"outputs of a block's tile", "64">:$tile_columns,
      Cuda_Count<"channels that are in shared memory at a time", "16">:$depth,
      Cuda_Count<"positions of a thread", "4">:$thread_rows,
      Cuda_Count<"outputs of a thread", "4">:$thread_columns,
      AttrParameter<"MmaAttr", "what multiplies and adds">:$mma);
  let extraClassDeclaration = [{
    /// Threads of a block.
    int64_t getThreads() const {
      return getTileRows() / getThreadRows() * (getTileColumns() / getThreadColumns());
    }
  }];
}

def Cuda_GemvScheduleAttr : Cuda_Schedule<"Gemv", "gemv"> {
  let summary = "how a product of few rows is computed";
  let description = [{
    A schedule of a kernel of strategy `contraction`, whose right operand has the numbers of a column side by side. A warp
    computes all rows of `columns` outputs. Its lanes share the depth, of which each loads `lanes` neighbours of
    every row and column at a time, and then add up their sums. Where there are several `slices`, as many warps of a
    block share the depth of the same outputs.

    ```mlir
    #cuda.gemv_schedule<columns = 4, lanes = 8>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"outputs of a warp", "4">:$columns,
      Cuda_Count<"neighbours in depth that a lane loads at a time", "8">:$lanes,
      Cuda_Count<"warps that share the depth", "1">:$slices,
      Cuda_Count<"threads of a block", "256">:$threads);
  let extraClassDeclaration = [{
    /// How many groups of warps a block has, each with outputs of its own.
    int64_t getGroups() const { return getThreads() / TargetAttr::warpSize / getSlices(); }
  }];
}

def Cuda_AttentionScheduleAttr : Cuda_Schedule<"Attention", "attention"> {
  let summary = "how attention is computed";
  let description = [{
    The schedule of a kernel of strategy `attention`. A block of 16 x 16 threads computes results of
    `tile_rows` queries, those of all heads that share a head of keys one after the other, and reads
    `tile_keys` keys and values at a time. Both are multiples of 16.

    ```mlir
    #cuda.attention_schedule<tile_rows = 64, tile_keys = 32>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"queries of a block's tile", "64">:$tile_rows,
      Cuda_Count<"keys that are in shared memory at a time", "32">:$tile_keys);
  let extraClassDeclaration = [{
    /// Threads of a block that share rows, and how many rows of threads there are.
    static constexpr int64_t threadsAcross = 16;
    static constexpr int64_t getThreads() { return threadsAcross * threadsAcross; }
  }];
}

def Cuda_AttentionTileScheduleAttr : Cuda_Schedule<"AttentionTile", "attention_tile"> {
  let summary = "how attention is computed on matrix units";
  let description = [{
    The other schedule of a kernel of strategy `attention`. A block computes results of `tile_rows` queries, each
    warp those of sixteen, and reads `tile_keys` keys and values at a time, while the next ones are brought.
    Where there are several `slices`, groups of warps share the keys of each step.

    ```mlir
    #cuda.attention_tile_schedule<tile_rows = 64, tile_keys = 64, mma = #cuda.mma<mma>>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"queries of a block's tile", "64">:$tile_rows,
      Cuda_Count<"keys of a step", "64">:$tile_keys,
      Cuda_Count<"groups of warps that share a step's keys", "1">:$slices,
      AttrParameter<"MmaAttr", "what multiplies and adds">:$mma);
  let extraClassDeclaration = [{
    /// Queries of a warp, and steps that are in shared memory at a time.
    static constexpr int64_t warpRows = 16, stages = 2;
    /// Threads of a block.
    int64_t getThreads() const { return TargetAttr::warpSize * getTileRows() / warpRows * getSlices(); }
  }];
}

def Cuda_TileScheduleAttr : Cuda_Schedule<"Tile", "tile"> {
  let summary = "how a matrix product or convolution is computed on matrix units";
  let description = [{
    The other schedule of a kernel of strategy `contraction`. A block computes tiles of `tile_rows` positions by
    `tile_columns` outputs, each warp `warp_rows` by `warp_columns` of them. For `depth` channels at a
    time, both operands' parts of a tile are in shared memory, in `stages` stages: one is read while the
    others are brought. Where there are several `slices`, groups of warps share each step's channels.
    Blocks take tiles in bands of `band` rows of tiles, column by column, so that those that run at the same time
    share what they read of both operands.

    ```mlir
    #cuda.tile_schedule<tile_rows = 128, tile_columns = 128, depth = 32, warp_rows = 64, warp_columns = 32,
        stages = 4, mma = #cuda.mma<mma>>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"positions of a block's tile", "128">:$tile_rows,
      Cuda_Count<"outputs of a block's tile", "128">:$tile_columns,
      Cuda_Count<"channels of a step", "32">:$depth,
      Cuda_Count<"positions of a warp", "64">:$warp_rows,
      Cuda_Count<"outputs of a warp", "32">:$warp_columns,
      Cuda_Count<"groups of warps that share a step's channels", "1">:$slices,
      Cuda_Count<"steps that are in shared memory at a time", "4">:$stages,
      Cuda_Count<"rows of tiles that are taken together", "1">:$band,
      AttrParameter<"MmaAttr", "what multiplies and adds">:$mma);
  let extraClassDeclaration = [{
    /// Threads of a block.
    int64_t getThreads() const {
      return TargetAttr::warpSize * getTileRows() / getWarpRows() * (getTileColumns() / getWarpColumns()) *
             getSlices();
    }
  }];
}

def Cuda_PipelineScheduleAttr : Cuda_Schedule<"Pipeline", "pipeline"> {
  let summary = "how a matrix product or convolution is computed by warps with different roles";
  let description = [{
    The third schedule of a kernel of strategy `contraction`. A block computes tiles of 64 positions for each of its `consumers`,
    groups of four warps, by `tile_columns` outputs. One more thread has both operands' parts of a tile brought, `depth` channels at a
    time, in `stages` stages of shared memory, as long as there are tiles. Blocks take tiles in bands of `band` rows of tiles,
    column by column. Those of a `cluster` of two take tiles one below the other at the same time: each has half of
    the columns brought, to both of them.

    With `wgmma_sparse` weights are the left operand of instructions, so that the product is computed turned: a block has 64
    outputs for each consumer, `tile_columns` are positions, and the tiles of a cluster are side by side.

    ```mlir
    #cuda.pipeline_schedule<tile_columns = 256, depth = 64, stages = 4, mma = #cuda.mma<wgmma>>
    ```
  }];
  let parameters = (ins
      Cuda_Count<"outputs of a block's tile, or positions of a turned one", "128">:$tile_columns,
      Cuda_Count<"channels of a step", "64">:$depth,
      Cuda_Count<"groups of warps that multiply", "2">:$consumers,
      Cuda_Count<"steps that are in shared memory at a time", "4">:$stages,
      Cuda_Count<"rows of tiles that are taken together", "1">:$band,
      Cuda_Count<"blocks that share the columns of their tiles", "1">:$cluster,
      AttrParameter<"MmaAttr", "what multiplies and adds">:$mma);
  let extraClassDeclaration = [{
    /// Rows of a consumer, which instructions say, and threads.
    static constexpr int64_t consumerRows = 64, groupThreads = 128;

    int64_t getTileRows() const { return consumerRows * getConsumers(); }
    /// Those of all tiles that a cluster has at a time.
    int64_t getClusterRows() const { return getTileRows() * getCluster(); }
    /// Whether rows are outputs, and columns positions.
    bool isTurned() const { return getMma().isSparse(); }
    /// Of all tiles that a cluster has at a time.
    int64_t getPositions() const { return isTurned() ? getTileColumns() : getClusterRows(); }
    int64_t getOutputs() const { return isTurned() ? getClusterRows() : getTileColumns(); }
    /// Threads of a block: the last group brings operands.
    int64_t getThreads() const { return groupThreads * (getConsumers() + 1); }
  }];
}

def Cuda_ColumnsAttr : Cuda_Attr<"Columns", "columns", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["getPackedIndex"]>]> {
  let summary = "weights by output, all that is multiplied for one of them side by side";
  let description = [{
    Weights [kernel..., C, O] are [groups, O / groups, depth], where the depth is that of all taps and
    channels, and zeros up to a multiple of 16: matrix units take such chunks as they are.

    ```mlir
    #cuda.columns<groups = 2>
    ```
  }];
  let parameters = (ins Cuda_Count<"groups of outputs", "1">:$groups);
}

def Cuda_SparseColumnsAttr : Cuda_Attr<"SparseColumns", "sparse_columns", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["canUnpack"]>]> {
  let summary = "weights by output, two of each four that are multiplied for one of them";
  let description = [{
    The weights of `columns` without two zeros of each four neighbours in depth, for `mma_sparse` and `wgmma_sparse`; behind the outputs of a group
    there are words that tell which two are left (SparseColumns.h). Weights must be known when they are written, and have these zeros.

    ```mlir
    #cuda.sparse_columns<groups = 1>
    ```
  }];
  let parameters = (ins Cuda_Count<"groups of outputs", "1">:$groups);
}

def Cuda_CodeColumnsAttr : AttrDef<Cuda_Dialect, "CodeColumns", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["canUnpack"]>]> {
  let mnemonic = "code_columns";
  let summary = "codes of 2, 4 or 8 bits by output, as many in a byte as it holds";
  let description = [{
    Codes [K, N] of weights that are quantized in blocks are unsigned bytes [1, N, K / (8 / bits)], the first one in
    the lowest bits, and zeros up to a multiple of 16 bytes. Those of a signed type are raised by half of their range.

    ```mlir
    #cuda.code_columns
    ```
  }];
}

#endif
