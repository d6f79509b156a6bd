// The `cpu` dialect: processors, and how kernels are computed on them.

#ifndef TENON_CPU_ATTRIBUTES_TD
#define TENON_CPU_ATTRIBUTES_TD

include "dialects/Target/TargetInterfaces.td"
include "dialects/Target/WeightLayout.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Cpu_Dialect : Dialect {
  let name = "cpu";
  let cppNamespace = "::tenon::cpu";
  let summary = "processors, and schedules of kernels on them";
  let description = [{
    Attributes only. `#cpu.target` on a module names the processor; the schedule of each kernel says
    how it is computed there.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Cpu_Attr<string name, string attrMnemonic, list<Trait> traits>
    : AttrDef<Cpu_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
}

class Cpu_Schedule<string name, string attrMnemonic>
    : Cpu_Attr<name # "Schedule", attrMnemonic # "_schedule", [ScheduleAttrInterface]> {
  let genVerifyDecl = 1;
}

class Cpu_Count<string what, string default> : DefaultValuedParameter<"int64_t", default> {
  let summary = what;
}

/// A number that has no default.
class Cpu_Size<string what> : AttrParameter<"int64_t", what>;

class Cpu_Flag<string what> : DefaultValuedParameter<"bool", "false"> {
  let summary = what;
}

def Cpu_TargetAttr : Cpu_Attr<"Target", "target",
                              [DeclareAttrInterfaceMethods<TargetAttrInterface>]> {
  let summary = "a processor, as far as schedules and code depend on it";
  let description = [{
    Stands on the module as `tenon.target`, written by `tenon-assign-target`. Whatever is decided for
    a processor is decided from this; a new processor is a new row in the table of
    dialects/Target/Cpu/CpuTargets.cpp.

    ```mlir
    module attributes {tenon.target = #cpu.target<name = "x86-64-v4", cpu = "x86-64-v4",
        features = ["avx2", "avx512f", "avx512vl"], vector_bits = 512, vector_registers = 32,
        l2_bytes = 1048576>} {}
    ```
  }];
  let parameters = (ins
      StringRefParameter<"as in --target, without the kind of device">:$name,
      StringRefParameter<"LLVM's -mcpu", "\"x86-64-v3\"">:$cpu,
      StringRefParameter<"LLVM's triple", "\"x86_64-unknown-linux-gnu\"">:$triple,
      OptionalParameter<"::mlir::ArrayAttr", "LLVM's names of the instruction sets that code may use">:$features,
      Cpu_Count<"of a vector register", "256">:$vector_bits,
      Cpu_Count<"vector registers that code may use", "16">:$vector_registers,
      Cpu_Count<"full-width multiply-adds that can start in one cycle", "2">:$fma_ports,
      Cpu_Count<"data cache nearest to a core", "32 << 10">:$l1_bytes,
      Cpu_Count<"second cache of a core", "1 << 20">:$l2_bytes,
      Cpu_Count<"cache that cores share, 0 for none", "32 << 20">:$l3_bytes,
      Cpu_Flag<"vdpbf16ps multiplies less in its time than multiply-adds of f32 do">:$slow_bf16_pairs,
      Cpu_Flag<"multiply-adds read registers alone, so that what is loaded for them takes an instruction">:$separate_loads,
      Cpu_Flag<"weights that one row reads once come faster without prefetches of the next panel">:$reads_ahead);
  let extraClassDeclaration = [{
    /// Lanes of one vector register for elements of this many bits.
    int64_t getLanes(int64_t elementBits) const { return getVectorBits() / elementBits; }
    /// Whether code may use an instruction set, by LLVM's name.
    bool has(::llvm::StringRef feature) const;
    /// A matrix product of at most so many rows takes the time that reading its right operand
    /// takes: fewer leave nothing to share a loaded weight between.
    static constexpr int64_t getFewRows() { return 4; }
    /// Whether there are instructions from f16 to f32 and back.
    bool convertsHalves() const { return has("f16c") || has("fp-armv8"); }
    /// LLVM's -mattr: the instruction sets that are there, and those that are not.
    ::std::string getLLVMFeatures() const;
  }];
}

def Cpu_MmaInstruction : I32Enum<"MmaInstruction", "an instruction that multiplies and adds", [
    I32EnumCase<"Fma", 0, "fma">, I32EnumCase<"PairProducts", 1, "vpmaddwd">,
    I32EnumCase<"ByteProducts", 2, "vpdpbusd">, I32EnumCase<"ByteTiles", 3, "tdpb">,
    I32EnumCase<"BFloatProducts", 4, "vdpbf16ps">, I32EnumCase<"BFloatTiles", 5, "tdpbf16ps">,
    I32EnumCase<"BytePairs", 6, "sadalp">, I32EnumCase<"ByteDots", 7, "sdot">,
    I32EnumCase<"MixedByteDots", 8, "usdot">, I32EnumCase<"BFloatDots", 9, "bfdot">,
    I32EnumCase<"ByteRowPairs", 10, "smmla">]> {
  let cppNamespace = "::tenon::cpu";
}

def Cpu_MmaAttr : Cpu_Attr<"Mma", "mma", [DeclareAttrInterfaceMethods<MmaAttrInterface>]> {
  let summary = "an instruction that multiplies and adds";
  let description = [{
    Each lane of a sum takes the products of one or more neighbouring channels.

    - `fma`: one channel, of elements that are widened to the sum's type first. Any types; integers
      take a multiplication and an addition.
    - `vpmaddwd`: two channels, of signed integers of 16 bits, or of bytes of either sign, which are
      widened to 16 bits. Nothing saturates; sums wrap as those of `fma` do.
    - `vpdpbusd`: four channels, unsigned inputs times signed weights of 8 bits (AVX512-VNNI,
      AVX-VNNI).
    - `tdpb`: tiles of 16 positions by 64 channels times tiles of 64 channels by 16 outputs, of 8 bits
      with or without sign each (`tdpbssd` and its like of AMX-INT8).
    - `vdpbf16ps`: bf16 times bf16, two channels, into f32 (AVX512-BF16). Numbers below the normal ones
      count as zeros, and the order in which the two products are added is the processor's.
    - `tdpbf16ps`: the same in tiles of 16 positions by 32 channels times tiles of 32 channels by 16
      outputs (AMX-BF16). Channels with even and with odd numbers are summed by themselves first.
      With `products` it multiplies f32: numbers are sums of bf16 parts, and of the products of parts the
      largest 3 (of two parts each) or 6 (of three) are summed (docs/numerics.md).
    - `sadalp`: two channels, bytes of one sign: their products of 16 bits (`smull`, `umull`) are added
      in pairs (`sadalp`, `uadalp`). Of all AArch64 processors.
    - `sdot`: four channels, bytes of one sign (`sdot`, `udot`; FEAT_DotProd).
    - `usdot`: four channels, bytes of either sign each (`sdot`, `udot`, `usdot`; FEAT_I8MM).
    - `smmla`: eight channels of two rows of input at once, bytes of either sign each (`smmla`, `ummla`,
      `usmmla`; FEAT_I8MM). A vector of sums holds two outputs of two rows.
    - `bfdot`: bf16 times bf16, two channels, into f32 (FEAT_BF16). The sum of both products, and that
      with the sum before, are rounded to odd, and numbers below the normal ones count as zeros.

    ```mlir
    #cpu.mma<tdpbf16ps, products = 3>
    ```
  }];
  let parameters = (ins EnumParameter<Cpu_MmaInstruction>:$instruction,
                        Cpu_Count<"products of parts for each product of f32; 1: numbers are no sums of parts", "1">:$products);
  let assemblyFormat = "`<` $instruction (`,` `products` `=` $products^)? `>`";
  let genVerifyDecl = 1;
  let builders = [AttrBuilder<(ins "MmaInstruction":$instruction), [{
    return $_get($_ctxt, instruction, /*products=*/1);
  }]>];
  let extraClassDeclaration = [{
    /// A part of an input and one of a weight that are multiplied: 0 is the largest.
    struct PartProduct {
      int64_t input, weights;
    };
    /// Those of one product, in an order in which neighbours share a part.
    ::llvm::ArrayRef<PartProduct> getPartProducts() const;
    /// How many parts a number has.
    int64_t getParts() const;
    /// The type that an operand's elements have where packing writes them to scratch memory.
    ::mlir::Type getPackedType(::mlir::Type element, ::mlir::Type accumulator) const;
    /// Whether bytes of the input that it multiplies with signed bytes of weights have no sign.
    bool takesUnsignedBytes() const;
    /// Whether it multiplies tiles, which have registers of their own.
    bool hasTiles() const {
      return getInstruction() == MmaInstruction::ByteTiles ||
             getInstruction() == MmaInstruction::BFloatTiles;
    }
    /// Rows of input that it multiplies at once, in vectors of sums that they share.
    int64_t getRows() const { return getInstruction() == MmaInstruction::ByteRowPairs ? 2 : 1; }
    /// Bytes of the channels that it takes at once, as packing has written them to scratch memory.
    int64_t getStepBytes(int64_t accumulatorBytes) const;
    /// Steps of interleaved channels that it takes at once.
    int64_t getDepth() const { return hasTiles() ? tileRows : 1; }
    /// The most rows of a tile, the bytes of each, and the most tiles of sums beside two of inputs
    /// and two of weights.
    static constexpr int64_t tileRows = 16, tileBytes = 64, sumTiles = 4;
  }];
}

def Cpu_PanelsAttr : Cpu_Attr<"Panels", "panels", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["canUnpack", "getPackedIndex"]>]> {
  let summary = "weights in panels of neighbouring output channels";
  let description = [{
    [kernel..., C, O] -> [groups, ceil(O / groups / width), kernel..., C, width], padded with zeros: a
    microkernel reads one row of a panel after the other. Of matrices, kernel... are 1s in front.

    With `interleave`, that many rows lie together, so that neighbouring channels of an output are
    neighbours: [..., ceil(C / interleave), width, interleave], where C counts those of all
    positions of the last kernel dimension if `merge_taps` is set. What then counts rows of a panel
    is rounded up to a multiple of `depth`.

    With `parts`, weights are f32 and become sums of so many bf16 numbers (docs/numerics.md): behind the rows of the
    largest ones for a kernel position lie as many for the next ones.

    ```mlir
    #cpu.panels<width = 32, interleave = 4>
    ```
  }];
  let parameters = (ins Cpu_Size<"output channels of a panel">:$width,
                        Cpu_Count<"groups of output channels", "1">:$groups,
                        Cpu_Count<"input channels that lie together", "1">:$interleave,
                        Cpu_Flag<"the last kernel dimension is part of the input channels">:$merge_taps,
                        Cpu_Count<"rows that are read at once", "1">:$depth,
                        Cpu_Count<"bf16 numbers whose sum a weight is; 1: it is stored as it is", "1">:$parts);
}

def Cpu_Zeros : I32Enum<"Zeros", "which zeros of weights are left out", [
    I32EnumCase<"Blocks", 0, "blocks">, I32EnumCase<"Single", 1, "single">,
    I32EnumCase<"Columns", 2, "columns">]> {
  let cppNamespace = "::tenon::cpu";
}

def Cpu_SkipAttr : Cpu_Attr<"Skip", "skip", []> {
  let summary = "zeros of weights that are neither stored nor multiplied";
  let description = [{
    Of weights in panels.

    - `blocks`: what one step multiplies for all outputs of a panel, a row of the panel, is left out
      where all of it is zero. Code walks a list of the rows that are left.
    - `single`: each weight that is zero is left out of memory. Code puts the others back to their
      places, which a bit for each weight tells, and multiplies as if all were there.
    - `columns`: each weight that is zero is left out, and is not multiplied. Code walks a list for
      each output and `depth` input channels, and multiplies a weight by vectors of positions.

    At most `kept` blocks, or weights, are not zero.

    ```mlir
    #cpu.skip<zeros = blocks, kept = 7372>
    ```
  }];
  let parameters = (ins EnumParameter<Cpu_Zeros>:$zeros,
                        Cpu_Size<"blocks or weights that there is room for">:$kept,
                        Cpu_Count<"input channels of a list of a column", "0">:$depth);
}

def Cpu_SparsePanelsAttr : Cpu_Attr<"SparsePanels", "sparse_panels", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["canUnpack"]>]> {
  let summary = "weights in panels without their zeros";
  let description = [{
    The panels of `panels` without what `skip` leaves out, as bytes (SparsePanels.h). Where the zeros
    are must be known when they are written: of constants.

    ```mlir
    #cpu.sparse_panels<panels = <width = 16>, skip = <zeros = blocks, kept = 7372>>
    ```
  }];
  let parameters = (ins "PanelsAttr":$panels, "SkipAttr":$skip);
}

def Cpu_CodePanelsAttr : Cpu_Attr<"CodePanels", "code_panels", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["canUnpack"]>]> {
  let summary = "weights of a few bits in panels of neighbouring output channels";
  let description = [{
    [C, O] of integers of 2, 4 or 8 bits -> [ceil(O / width), ceil(C / n), width, 4] bytes, padded
    with zeros. n = 32 / bits neighbouring channels of an output lie in 32 bits, the first one in the
    lowest. Integers with a sign are stored less the smallest one of their type, so that all are from
    0 on.

    ```mlir
    #cpu.code_panels<width = 32>
    ```
  }];
  let parameters = (ins Cpu_Size<"output channels of a panel">:$width);
  let extraClassDeclaration = [{
    /// Bits that hold the codes of one output channel, and how many codes of `bits` bits they hold.
    static constexpr int64_t laneBits = 32;
    static int64_t getCodesPerLane(int64_t bits) { return laneBits / bits; }
  }];
}

def Cpu_WinogradFiltersAttr : Cpu_Attr<"WinogradFilters", "winograd_filters", [
    DeclareAttrInterfaceMethods<WeightLayoutAttrInterface, ["canUnpack"]>]> {
  let summary = "filters of 3 x 3 transformed for minimal filtering, in panels";
  let description = [{
    Filters g of [3, 3, C, O] become G g G^T, in f32, of
    [minimal filtering](https://arxiv.org/abs/1509.09308) F(m x m, 3 x 3) with m = `output_tile`, and
    these panels: [1, ceil(O / width), m + 2, m + 2, C, width].

    Integers of 8 bits become (2 G) g (2 G)^T in i16, four times as much, with m = 2. `interleave`
    neighbouring channels of an output lie together then: [..., ceil(C / interleave), width,
    interleave].

    ```mlir
    #cpu.winograd_filters<output_tile = 2, width = 32>
    ```
  }];
  let parameters = (ins Cpu_Size<"outputs per tile and dimension: 2 or 4">:$output_tile,
                        Cpu_Size<"output channels of a panel">:$width,
                        Cpu_Count<"input channels that lie together", "1">:$interleave);
}

def Cpu_ContractionScheduleAttr : Cpu_Schedule<"Contraction", "contraction"> {
  let summary = "how a matrix product or convolution is computed";
  let description = [{
    The schedule of a kernel of strategy `contraction`. An output tile of `tile_lines` x `tile_rows`
    positions and `tile_vectors` vectors of channels is in registers while its sums run; a panel of
    weights serves the channels of a tile.

    - `lanes` of a vector are fewer than a register has where there are few output channels.
    - `tile_lines`, of the second to last spatial dimension, are more than one where lines are short.
    - `block_tiles` tiles reuse their input for all panels before the next ones are visited: 1 keeps
      a tile's input in the nearest cache, 0 (all tiles) keeps a panel there.
    - `pack_input` copies each tile's input to contiguous scratch first. For one tap only.
    - `packed` weights are constants that were laid out in panels when the model was compiled.
      Those that are quantized in blocks are codes of a few bits there.
    - `pack_weights` copies each panel of weights that are not packed, or are codes, to contiguous
      scratch first. Codes are multiplied as they are without it, and `pack_input` prepares the
      input for that.
      Without it, weights are read in place: row-major ones like packed ones, transposed ones along
      their rows, with sums across the lanes at the end (then `tile_vectors` is 1).
    - `mma` is what multiplies and adds; without it, `fma`. One that takes several channels at once
      reads weights that are packed, and packed input only if it is as many. One with tiles reads
      weights that were packed when the model was compiled; a tile has at most 32 positions and 4
      vectors, 4 tiles of sums in all. Without `pack_input` it reads lines of at least 16 positions
      whose channels fill whole tiles, in tiles of one line and 32 rows.
    - `merge_taps`: neighbouring positions of the last kernel dimension are neighbours in memory, so
      that the channels of all of them count as those of one. For such an `mma`, whose weights are
      packed accordingly; else code generation sees it for itself.
    - `skip`: which zeros `packed` weights were laid out without.
    - `prefer_split_panels`: where tasks could share panels as evenly as tiles, they share panels,
      so that each reads a part of the weights instead of all.
    - `few_rows`: where only a run tells how many rows there are, and they are at most eight, codes
      are multiplied as they are, in tiles of so many rows, although the schedule decodes them for
      more. One row takes `row_vectors`, whole panels, side by side.

    ```mlir
    #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, pack_input = true>
    ```
  }];
  let parameters = (ins
      Cpu_Size<"lanes of the vectors">:$lanes,
      Cpu_Count<"output positions per register tile", "1">:$tile_rows,
      Cpu_Count<"vectors of output channels per register tile", "1">:$tile_vectors,
      Cpu_Count<"lines of positions that a tile may span", "1">:$tile_lines,
      Cpu_Count<"channels per trip of the innermost loop", "4">:$unroll_k,
      Cpu_Count<"tiles that share a visit to all weights, 0 for all", "0">:$block_tiles,
      Cpu_Flag<"weights lie in panels of tile_vectors * lanes">:$packed,
      Cpu_Flag<"copy each tile's input first">:$pack_input,
      Cpu_Flag<"copy each panel of weights first">:$pack_weights,
      Cpu_Count<"cache lines of the next panel to prefetch per trip", "0">:$prefetch_lines,
      Cpu_Flag<"tasks rather share panels than tiles">:$prefer_split_panels,
      DefaultValuedParameter<"MmaAttr", "MmaAttr::get($_ctxt, MmaInstruction::Fma)",
                             "what multiplies and adds">:$mma,
      Cpu_Flag<"sum over the last kernel dimension with the channels">:$merge_taps,
      OptionalParameter<"SkipAttr", "zeros of packed weights that are left out">:$skip,
      Cpu_Count<"rows of a tile where a run has too few to decode codes for them", "0">:$few_rows,
      Cpu_Count<"vectors of output channels for one row of a run", "0">:$row_vectors);
  let extraClassDeclaration = [{
    /// NR: output channels per panel of weights.
    int64_t getPanelWidth() const { return getTileVectors() * getLanes(); }
    /// Codes are not decoded for so many rows. The same for all targets, as results depend on it.
    static constexpr int64_t mostFewRows = 8;
    /// The schedules that take the place of this one in runs with one row, or with few. What they
    /// take for panels are whole panels of this one.
    ContractionScheduleAttr getForOneRow() const;
    ContractionScheduleAttr getForFewRows() const;
  }];
}

def Cpu_RowsScheduleAttr : Cpu_Schedule<"Rows", "rows"> {
  let summary = "how elements are computed one by one";
  let description = [{
    The schedule of a kernel of strategy `rows`. A trip of a loop along the last dimension computes
    `vectors_per_trip` registers of `lanes` elements: chains of arithmetic are long, and several of
    them hide their latency. Tasks share the rows (the other dimensions) from `shared_rows` on, and
    the vectors of each row if there are fewer.

    ```mlir
    #cpu.rows_schedule<lanes = 16, vectors_per_trip = 4>
    ```
  }];
  let parameters = (ins
      Cpu_Size<"lanes of a vector register, for elements of 32 bits">:$lanes,
      Cpu_Count<"registers of elements per trip", "4">:$vectors_per_trip,
      Cpu_Count<"rows from which on tasks share rows", "8">:$shared_rows);
}

def Cpu_DepthwiseScheduleAttr : Cpu_Schedule<"Depthwise", "depthwise"> {
  let summary = "how a depthwise convolution is computed";
  let description = [{
    The schedule of a kernel of strategy `depthwise`. `tile_lines` x `tile_rows` neighbouring outputs of
    a vector of channels are computed together.

    - `keep_weights` loads all weights before a tile is computed; otherwise one kernel line's at a
      time.
    - `channels_inside` visits all channels of one tile before the next tile, so that memory is read
      in order; otherwise all tiles of a line come before the next channels, and kept weights are
      loaded once per line.
    - `mma` is what multiplies and adds; without it, `fma`. One that takes several channels at once takes
      that many kernel lines instead, of which each lane has the bytes together.

    ```mlir
    #cpu.depthwise_schedule<lanes = 8, tile_rows = 5, tile_lines = 2, channels_inside = true>
    ```
  }];
  let parameters = (ins
      Cpu_Size<"lanes of the vectors">:$lanes,
      Cpu_Count<"neighbouring outputs that are computed together", "1">:$tile_rows,
      Cpu_Count<"lines of them", "1">:$tile_lines,
      Cpu_Flag<"load all weights before a tile">:$keep_weights,
      Cpu_Flag<"all channels of a tile before the next tile">:$channels_inside,
      Cpu_Flag<"prefetch what the next line reads anew">:$prefetch_input,
      DefaultValuedParameter<"MmaAttr", "MmaAttr::get($_ctxt, MmaInstruction::Fma)",
                             "what multiplies and adds">:$mma);
}

def Cpu_WinogradScheduleAttr : Cpu_Schedule<"Winograd", "winograd"> {
  let summary = "how a convolution with transformed filters is computed";
  let description = [{
    The schedule of a kernel of strategy `winograd`. A register tile has `tile_rows` transformed
    tiles and `tile_vectors` vectors of output channels; `block_tiles` register tiles are transformed
    before they are multiplied, and stay in the second cache. `mma` is what multiplies and adds;
    without it, `fma`. For integers it is `vpmaddwd`.

    ```mlir
    #cpu.winograd_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 4>
    ```
  }];
  let parameters = (ins
      Cpu_Size<"lanes of the vectors">:$lanes,
      Cpu_Count<"outputs per tile and dimension: 2 or 4", "2">:$output_tile,
      Cpu_Count<"transformed tiles per register tile", "1">:$tile_rows,
      Cpu_Count<"vectors of output channels per register tile", "1">:$tile_vectors,
      Cpu_Count<"channels per trip of the innermost loop", "4">:$unroll_k,
      Cpu_Count<"register tiles that are transformed before they are multiplied", "1">:$block_tiles,
      Cpu_Count<"cache lines of the next point's weights to prefetch per trip", "0">:$prefetch_lines,
      DefaultValuedParameter<"MmaAttr", "MmaAttr::get($_ctxt, MmaInstruction::Fma)",
                             "what multiplies and adds">:$mma);
  let extraClassDeclaration = [{
    int64_t getInputTile() const { return getOutputTile() + 2; }
    /// Elements of a transformed tile, each of which is a product of its own.
    int64_t getPoints() const { return getInputTile() * getInputTile(); }
    /// NR: output channels per panel of weights.
    int64_t getPanelWidth() const { return getTileVectors() * getLanes(); }
  }];
}

def Cpu_AttentionScheduleAttr : Cpu_Schedule<"Attention", "attention"> {
  let summary = "how attention is computed";
  let description = [{
    The schedule of a kernel of strategy `attention`: those of its two products (queries times keys,
    powers times values), and how much of them is computed at one time. The products pack no weights
    themselves: `pack_keys` and `pack_values` copy a block to panels before its first use.

    Where there are several blocks of keys, `group_blocks` row blocks take one after the other.

    ```mlir
    #cpu.attention_schedule<
        scores = <lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1>,
        values = <lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1>,
        lanes = 16, row_block = 12, key_block = 128, pack_keys = true, pack_values = true>
    ```
  }];
  let parameters = (ins
      "ContractionScheduleAttr":$scores, "ContractionScheduleAttr":$values,
      Cpu_Size<"lanes of the softmax's vectors">:$lanes,
      Cpu_Count<"queries whose scores are in scratch at one time", "1">:$row_block,
      Cpu_Count<"keys whose scores are computed at one time", "1">:$key_block,
      Cpu_Count<"row blocks that take block after block of keys together", "1">:$group_blocks,
      Cpu_Flag<"copy keys to panels first">:$pack_keys,
      Cpu_Flag<"copy values to panels first">:$pack_values);
}

#endif
