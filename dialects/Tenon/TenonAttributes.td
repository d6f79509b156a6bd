// Attributes that say how and for what a program is compiled.

#ifndef TENON_ATTRIBUTES_TD
#define TENON_ATTRIBUTES_TD

include "dialects/Tenon/TenonBase.td"

class Tenon_Attr<string name, string attrMnemonic> : AttrDef<Tenon_Dialect, name> {
  let mnemonic = attrMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
}

class Tenon_Count<string what, string default> : DefaultValuedParameter<"int64_t", default> {
  let summary = what;
}

def Tenon_TargetAttr : Tenon_Attr<"Target", "target"> {
  let summary = "a processor, as far as layouts and schedules depend on it";
  let description = [{
    Stands on the module as `tenon.target`, written by `tenon-assign-target`. Whatever is decided for
    a processor is decided from these numbers; a new processor is a new row in the table of
    passes/Codegen/Cpu/TargetInfo.cpp.

    ```mlir
    module attributes {tenon.target = #tenon.target<name = "x86-64-v4", vector_bits = 512,
        vector_registers = 32, l2_bytes = 1048576, masked_ops = 1>} {}
    ```
  }];
  let parameters = (ins StringRefParameter<"as in --target">:$name,
      Tenon_Count<"of a vector register", "256">:$vector_bits,
      Tenon_Count<"vector registers that code may use", "16">:$vector_registers,
      Tenon_Count<"full-width multiply-adds that can start in one cycle", "2">:$fma_ports,
      Tenon_Count<"cycles that one takes", "4">:$fma_latency,
      Tenon_Count<"data cache nearest to a core", "32 << 10">:$l1_bytes,
      Tenon_Count<"second cache of a core", "1 << 20">:$l2_bytes,
      Tenon_Count<"cache that cores share, 0 for none", "32 << 20">:$l3_bytes,
      Tenon_Count<"1 if loads and stores can leave lanes out at no cost", "0">:$masked_ops);
}

def Tenon_ContractionScheduleAttr : Tenon_Attr<"ContractionSchedule", "contraction_schedule"> {
  let summary = "how a matrix product or convolution is computed";
  let description = [{
    The schedule of a kernel of class `contraction`. Fields that are not written have their defaults.
    cpu::ContractionSchedule says more about each.

    ```mlir
    #tenon.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, pack_input = 1>
    ```
  }];
  let parameters = (ins
      Tenon_Count<"lanes of the vectors, 0 for whole registers", "0">:$lanes,
      Tenon_Count<"output positions per register tile", "1">:$tile_rows,
      Tenon_Count<"vectors of output channels per register tile", "1">:$tile_vectors,
      Tenon_Count<"lines of positions that a tile may span", "1">:$tile_lines,
      Tenon_Count<"channels per trip of the innermost loop", "4">:$unroll_k,
      Tenon_Count<"tiles that share a visit to all weights, 0 for all", "0">:$block_tiles,
      Tenon_Count<"1 to copy each tile's input first", "0">:$pack_input,
      Tenon_Count<"1 to copy each panel of weights first", "0">:$pack_weights,
      Tenon_Count<"cache lines of the next panel to prefetch per trip", "0">:$prefetch_lines,
      Tenon_Count<"1 if tasks rather share panels than tiles", "0">:$prefer_split_panels);
}

def Tenon_DepthwiseScheduleAttr : Tenon_Attr<"DepthwiseSchedule", "depthwise_schedule"> {
  let summary = "how a depthwise convolution is computed";
  let description = [{
    The schedule of a kernel of class `depthwise`. cpu::DepthwiseSchedule says more about each field.

    ```mlir
    #tenon.depthwise_schedule<tile_rows = 5, tile_lines = 2, channels_inside = 1, prefetch_input = 1>
    ```
  }];
  let parameters = (ins
      Tenon_Count<"neighbouring outputs that are computed together", "1">:$tile_rows,
      Tenon_Count<"lines of them", "1">:$tile_lines,
      Tenon_Count<"1 to load all weights before a tile", "0">:$keep_weights,
      Tenon_Count<"1 for all channels of a tile before the next tile", "0">:$channels_inside,
      Tenon_Count<"1 to prefetch what the next line reads anew", "0">:$prefetch_input);
}

def Tenon_WinogradScheduleAttr : Tenon_Attr<"WinogradSchedule", "winograd_schedule"> {
  let summary = "how a convolution with transformed filters is computed";
  let description = [{
    The schedule of a kernel of class `contraction` whose convolution says `winograd`.
    cpu::WinogradSchedule says more about each field.

    ```mlir
    #tenon.winograd_schedule<tile_rows = 12, tile_vectors = 2, block_tiles = 4>
    ```
  }];
  let parameters = (ins
      Tenon_Count<"outputs per tile and dimension", "2">:$output_tile,
      Tenon_Count<"transformed tiles per register tile", "1">:$tile_rows,
      Tenon_Count<"vectors of output channels per register tile", "1">:$tile_vectors,
      Tenon_Count<"register tiles that are transformed before they are multiplied", "1">:$block_tiles,
      Tenon_Count<"cache lines of the next point's weights to prefetch per trip", "0">:$prefetch_lines);
}

def Tenon_AttentionScheduleAttr : Tenon_Attr<"AttentionSchedule", "attention_schedule"> {
  let summary = "how attention is computed";
  let description = [{
    The schedule of a kernel of class `attention`: those of its two products, and how much of them
    is computed at one time. cpu::AttentionSchedule says more about each field.

    ```mlir
    #tenon.attention_schedule<
        scores = <lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1>,
        values = <lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1>,
        row_block = 12, key_block = 128, pack_keys = 1, pack_values = 1>
    ```
  }];
  let parameters = (ins
      "ContractionScheduleAttr":$scores, "ContractionScheduleAttr":$values,
      Tenon_Count<"queries whose scores are in scratch at one time", "1">:$row_block,
      Tenon_Count<"keys whose scores are computed at one time", "1">:$key_block,
      Tenon_Count<"row blocks that take block after block of keys together", "1">:$group_blocks,
      Tenon_Count<"1 to copy keys to panels first", "0">:$pack_keys,
      Tenon_Count<"1 to copy values to panels first", "0">:$pack_values);
}

/// What a kernel's `schedule` may be, by its class.
def Tenon_Schedule : AnyAttrOf<[Tenon_ContractionScheduleAttr, Tenon_WinogradScheduleAttr,
                                Tenon_DepthwiseScheduleAttr, Tenon_AttentionScheduleAttr],
                               "schedule", "::mlir::Attribute">;

#endif
