// What warps with different roles do on a GPU with a copy engine and matrix units that read shared
// memory: one thread has boxes of tensors brought, groups of four warps multiply them, and they
// wait for each other at barriers in shared memory.

#ifndef TENON_TILE_PIPELINE_OPS_TD
#define TENON_TILE_PIPELINE_OPS_TD

include "dialects/Tile/TileBase.td"

//===-- Roles --===//

def Tile_WarpgroupOp : Tile_Op<"warpgroup", [Pure]> {
  let summary = "the number of a thread's group of four warps";
  let description = [{
    The same for all threads of a warp, also as far as the assembler can tell.

    ```mlir
    %group = tile.warpgroup
    ```
  }];
  let results = (outs I64:$number);
  let assemblyFormat = "attr-dict";
}

//===-- Clusters --===//

def Tile_ClusterRankOp : Tile_Op<"cluster_rank", [Pure]> {
  let summary = "the number of a block in its cluster";
  let description = [{
    Blocks of a cluster run at the same time, and reach each other's shared memory.

    ```mlir
    %rank = tile.cluster_rank
    ```
  }];
  let results = (outs I64:$number);
  let assemblyFormat = "attr-dict";
}

def Tile_MeetClusterOp : Tile_Op<"meet_cluster", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for all threads of a cluster";
  let description = [{
    What they have stored before, also in each other's shared memory, all of them see behind it.

    ```mlir
    tile.meet_cluster
    ```
  }];
  let assemblyFormat = "attr-dict";
}

//===-- Registers --===//

def Tile_Change : I32Enum<"Change", "how a number changes", [
    I32EnumCase<"Increase", 0, "increase">, I32EnumCase<"Decrease", 1, "decrease">]> {
  let cppNamespace = "::tenon::tile";
}

def Tile_RegistersOp : Tile_Op<"registers", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "changes how many registers the threads of a warpgroup have";
  let description = [{
    All of the group's threads run it. Those that a producer gives back, consumers get: who asks for more waits until they are
    there. Counts are multiples of 8 from 24 to 256.

    ```mlir
    tile.registers decrease to 40
    ```
  }];
  let arguments = (ins EnumProp<Tile_Change>:$change, I32Attr:$count);
  let assemblyFormat = "$change `to` $count attr-dict";
  let hasVerifier = 1;
}

//===-- Barriers in shared memory --===//

def Tile_BarriersType : TypeDef<Tile_Dialect, "Barriers"> {
  let mnemonic = "barriers";
  let summary = "barriers in shared memory";
  let description = [{
    Each goes through phases, numbered from 0. A phase ends when as many threads have arrived as the barrier was started for, and
    all bytes that are expected in it have been brought. Who waits tells the phase by its parity.

    ```mlir
    !tile.barriers<4>
    ```
  }];
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static constexpr int64_t barrierBytes = 8;
    int64_t getBytes() const { return getCount() * barrierBytes; }
  }];
}

def Tile_BarriersOp : Tile_Op<"barriers", [Pure]> {
  let summary = "barriers at a place in the block's shared memory";
  let description = [{
    ```mlir
    %full = tile.barriers at 65536 : !tile.barriers<4>
    ```
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs Tile_BarriersType:$barriers);
  let assemblyFormat = "`at` $offset attr-dict `:` type($barriers)";
  let hasVerifier = 1;
}

def Tile_StartBarriersOp : Tile_Op<"start_barriers", [MemoryEffects<[MemWrite]>]> {
  let summary = "makes barriers, in their first phase";
  let description = [{
    One thread of the block does this, for so many arrivals in each phase. What it has made the copy engine sees from then on, and
    other threads behind the next barrier of the block.

    ```mlir
    tile.start_barriers %full for 1 : !tile.barriers<4>
    ```
  }];
  let arguments = (ins Tile_BarriersType:$barriers, ConfinedAttr<I32Attr, [IntPositive]>:$arrivals);
  let assemblyFormat = "$barriers `for` $arrivals attr-dict `:` type($barriers)";
}

def Tile_ExpectOp : Tile_Op<"expect", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "arrives at a barrier, and expects bytes there in this phase";
  let description = [{
    ```mlir
    tile.expect 32768 at %full[%stage] : !tile.barriers<4>
    ```
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntPositive]>:$bytes, Tile_BarriersType:$barriers, I64:$index);
  let assemblyFormat = "$bytes `at` $barriers `[` $index `]` attr-dict `:` type($barriers)";
}

def Tile_ArriveOp : Tile_Op<"arrive", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "arrives at a barrier";
  let description = [{
    What the thread has read and written before is done for those who wait for this phase. With `block`, the barrier is the one
    at the same place in that block of the cluster.

    ```mlir
    tile.arrive at %empty[%stage] : !tile.barriers<4>
    tile.arrive at %empty[%stage] in %rank : !tile.barriers<4>
    ```
  }];
  let arguments = (ins Tile_BarriersType:$barriers, I64:$index, Optional<I64>:$block);
  let assemblyFormat = "`at` $barriers `[` $index `]` (`in` $block^)? attr-dict `:` type($barriers)";
}

def Tile_AwaitOp : Tile_Op<"await", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for a phase of a barrier";
  let description = [{
    For the end of the phase that goes on, or of the one before: `parity` tells which of the two, as 0 or 1. At a barrier that
    was just started the phase of parity 1 is over. What others of the block did before they arrived is seen then; with
    `ofCluster`, also what those of other blocks did.

    ```mlir
    tile.await %full[%stage], %parity : !tile.barriers<4>
    ```
  }];
  let arguments = (ins Tile_BarriersType:$barriers, I64:$index, I64:$parity, UnitAttr:$ofCluster);
  let assemblyFormat = "$barriers `[` $index `]` `,` $parity attr-dict `:` type($barriers)";
}

//===-- Copies --===//

def Tile_BringOp : Tile_Op<"bring", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "has a box of a tensor brought, later";
  let description = [{
    `map` is an argument of the kernel that tells where the tensor is and how large a box of it; `origin` is the place of the box,
    innermost dimension first. Elements outside of the tensor are zeros. The box fills whole rows of a stage of a tile, from `row`
    on, one row for each of its innermost lines, and is there when the barrier's phase ends that expects its bytes. One thread
    runs the op.

    Of a map that reads pixels of a convolution (im2col), the box is a run of pixels from `origin` on, and `tap` is how far from
    each of them its filter reads, by spatial dimension, innermost first.

    With `blocks`, a mask, the box is brought to the same place of each of these blocks of the cluster, and counted at the barrier
    of each.

    Rows of the tile have 32, 64 or 128 bytes: then its swizzle is the copy engine's.

    ```mlir
    tile.bring %map[%depth, %row] to %left[%stage, %zero] by %full[%stage]
        : !llvm.ptr, !tile.buffer<4, 128, 64, f16, swizzled>, !tile.barriers<4>
    ```
  }];
  let arguments = (ins AnyType:$map, Variadic<I64>:$origin, Variadic<I64>:$tap, Tile_BufferType:$buffer,
                       I64:$stage, I64:$row, Tile_BarriersType:$barriers, I64:$index,
                       OptionalAttr<I16Attr>:$blocks);
  let assemblyFormat = [{
    $map `[` $origin `]` (`tap` `[` $tap^ `]`)? `to` $buffer `[` $stage `,` $row `]` `by` $barriers `[` $index `]`
    attr-dict `:` type($map) `,` type($buffer) `,` type($barriers)
  }];
  let hasVerifier = 1;
}

//===-- Products of a warpgroup --===//

def Tile_FenceProductsOp : Tile_Op<"fence_products", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "orders a warpgroup's registers before its products";
  let description = [{
    Comes before the first product, and before others whose sums were read or written since.

    ```mlir
    tile.fence_products
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_MultiplyOp : Tile_Op<"multiply", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "starts to multiply matrices of a warpgroup in shared memory, and to add";
  let description = [{
    64 rows of the left operand by 16 columns for each of the sums. The depth is what 32 bytes hold. Both operands lie as
    `tile.bring` brings them, each row or column along a row of its tile, from the given place on. With `panel`, the right operand
    has steps of the depth one below the other, each with the columns that 128 bytes hold, elements of 16 bits; more columns are in
    panels of so many rows, one behind another, and the place is the first row.

    Sums are what `tile.mma` has, for each of the group's four warps sixteen of the rows. They may be read, and shared memory
    overwritten, when `tile.wait_products` has waited for the group of products. Without `accumulates`, sums begin at zero.

    Numbers of f32 are cut to tf32, since their last 13 bits are not read.

    With `places`, the left operand has two of each four neighbours in depth, and the right one what 64 bytes hold. Each warp's
    words are those of `tile.mma_sparse` for its sixteen rows; of halves, `part` says which half of them is multiplied. They stay as they
    are until the products have been waited for.

    ```mlir
    %next:2 = tile.multiply f16 %left[%stage, %row, %depth], f16 %right[%stage, %zero, %depth], %true, %a, %b
        : !tile.buffer<4, 128, 64, f16, swizzled>, !tile.buffer<4, 32, 64, f16, swizzled>, vector<8xf32>, vector<8xf32> -> vector<8xf32>, vector<8xf32>
    %turned = tile.multiply f16 %half[%stage, %row, %depth] places %words part 1, f16 %few[%stage, %zero, %depth], %true, %a
        : !tile.buffer<4, 128, 32, f16, swizzled>, !tile.buffer<4, 16, 64, f16, swizzled>, vector<8xf32> -> vector<8xf32>
    ```
  }];
  let arguments = (ins EnumProp<Tile_Number>:$leftNumber, Tile_BufferType:$left, I64:$leftStage, I64:$leftRow,
                       I64:$leftColumn, Optional<I32>:$places,
                       DefaultValuedAttr<I64Attr, "0">:$part, EnumProp<Tile_Number>:$rightNumber, Tile_BufferType:$right,
                       I64:$rightStage, I64:$rightRow, I64:$rightColumn, I1:$accumulates,
                       Variadic<VectorOfLengthAndType<[8], [F32, I32]>>:$sums, OptionalAttr<I64Attr>:$panel);
  let results = (outs Variadic<VectorOfLengthAndType<[8], [F32, I32]>>:$results);
  let assemblyFormat = [{
    $leftNumber $left `[` $leftStage `,` $leftRow `,` $leftColumn `]` (`places` $places^ `part` $part)? `,`
    $rightNumber $right `[` $rightStage `,` $rightRow `,` $rightColumn `]` (`panel` $panel^)? `,` $accumulates `,` $sums
    attr-dict `:` type($left) `,` type($right) `,` type($sums) `->` type($results)
  }];
  let hasVerifier = 1;
}

def Tile_CommitProductsOp : Tile_Op<"commit_products", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "makes the products of a warpgroup since the last one a group";
  let description = [{
    ```mlir
    tile.commit_products
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_WaitProductsOp : Tile_Op<"wait_products", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until few groups of a warpgroup's products are under way";
  let description = [{
    All but the last `pending` groups have been computed, as far as this warp goes: their operands are read, and their sums, which are
    given through the op, are there.

    ```mlir
    tile.wait_products 1
    %done:2 = tile.wait_products 0 of %a, %b : vector<8xf32>, vector<8xf32> -> vector<8xf32>, vector<8xf32>
    ```
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntNonNegative]>:$pending,
                       Variadic<VectorOfLengthAndType<[8], [F32, I32]>>:$sums);
  let results = (outs Variadic<VectorOfLengthAndType<[8], [F32, I32]>>:$results);
  let assemblyFormat = "$pending (`of` $sums^ `:` type($sums) `->` type($results))? attr-dict";
  let hasVerifier = 1;
}

//===-- Meeting --===//

def Tile_MeetOp : Tile_Op<"meet", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "the lanes of a warp meet, and see what the others have stored";
  let description = [{
    ```mlir
    tile.meet
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_MeetWarpgroupOp : Tile_Op<"meet_warpgroup", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "the threads of a warpgroup meet, and see what the others have stored";
  let description = [{
    All of the group's threads run it, and tell the group's number.

    ```mlir
    tile.meet_warpgroup %group
    ```
  }];
  let arguments = (ins I64:$group);
  let assemblyFormat = "$group attr-dict";
}

#endif
