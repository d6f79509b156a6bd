// What a block of a GPU computes together: tiles in its shared memory, and products of matrices that
// a warp has in its registers.

#ifndef TENON_TILE_OPS_TD
#define TENON_TILE_OPS_TD

include "dialects/Tile/PipelineOps.td"
include "dialects/Tile/TileBase.td"

def Tile_BufferOp : Tile_Op<"buffer", [Pure]> {
  let summary = "tiles at a place in the block's shared memory";
  let description = [{
    Places are bytes from the beginning, whose multiples of 128 are banks' too. Several buffers may
    share memory at different times.

    ```mlir
    %tiles = tile.buffer at 16384 : !tile.buffer<4, 32, 128, f16, swizzled>
    ```
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs Tile_BufferType:$buffer);
  let assemblyFormat = "`at` $offset attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

def Tile_CopyOp : Tile_Op<"copy", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "brings a chunk of a thread from global memory, later";
  let description = [{
    16 bytes from a pointer that is a multiple of 16, or zeros where `valid` does not hold: then nothing
    is read. The thread goes on; the chunk is there once `tile.wait` has waited for its group.

    ```mlir
    tile.copy %source, %valid to %tiles[%stage, %row, %column] : !llvm.ptr, !tile.buffer<4, 128, 32, f16, swizzled>
    ```
  }];
  let arguments = (ins AnyType:$source, I1:$valid, Tile_BufferType:$buffer, I64:$stage, I64:$row,
                       I64:$column);
  let assemblyFormat = [{
    $source `,` $valid `to` $buffer `[` $stage `,` $row `,` $column `]` attr-dict
    `:` type($source) `,` type($buffer)
  }];
}

def Tile_CommitOp : Tile_Op<"commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "makes the copies of a thread since the last one a group";
  let description = [{
    ```mlir
    tile.commit
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_WaitOp : Tile_Op<"wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until few groups of a thread's copies are under way";
  let description = [{
    All but the last `pending` groups have arrived, for this thread: others see them behind a barrier.

    ```mlir
    tile.wait 2
    ```
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntNonNegative]>:$pending);
  let assemblyFormat = "$pending attr-dict";
}

def Tile_StoreOp : Tile_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "stores neighbours of a thread";
  let description = [{
    Elements of one row within a chunk, from the first of a multiple of their number on.

    ```mlir
    tile.store %elements to %tiles[%stage, %row, %column] : vector<8xf16>, !tile.buffer<4, 128, 32, f16, swizzled>
    ```
  }];
  let arguments = (ins Tile_Vector:$elements, Tile_BufferType:$buffer, I64:$stage, I64:$row,
                       I64:$column);
  let assemblyFormat = [{
    $elements `to` $buffer `[` $stage `,` $row `,` $column `]` attr-dict
    `:` type($elements) `,` type($buffer)
  }];
  let hasVerifier = 1;
}

def Tile_LoadOp : Tile_Op<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "loads neighbours for a thread";
  let description = [{
    Elements of one row within a chunk, from the first of a multiple of their number on.

    ```mlir
    %sums = tile.load %tile[%stage, %row, %column] : !tile.buffer<1, 128, 128, f32, padded>, vector<4xf32>
    ```
  }];
  let arguments = (ins Tile_BufferType:$buffer, I64:$stage, I64:$row, I64:$column);
  let results = (outs Tile_Vector:$elements);
  let assemblyFormat = [{
    $buffer `[` $stage `,` $row `,` $column `]` attr-dict `:` type($buffer) `,` type($elements)
  }];
  let hasVerifier = 1;
}

def Tile_Role : I32Enum<"Role", "what a part of a tile is in a product", [
    I32EnumCase<"Rows", 0, "rows">, I32EnumCase<"Columns", 1, "columns">,
    I32EnumCase<"Lines", 2, "lines">, I32EnumCase<"PairedLines", 3, "paired_lines">]> {
  let cppNamespace = "::tenon::tile";
}

def Tile_OperandOp : Tile_Op<"operand", [MemoryEffects<[MemRead]>]> {
  let summary = "loads a part of a tile that a warp multiplies";
  let description = [{
    Sixteen rows or columns of a product by 32 bytes of its depth, which is as much as one instruction
    multiplies. Each lane has four words of it. The part begins at the given place of the tile.

    - `rows`: rows of the left operand, each along a row of the tile.
    - `columns`: columns of the right operand, each along a row of the tile.
    - `lines`: sixteen columns of the right operand along rows of the tile, each of which is a step of the
      depth, of elements of 16 bits.
    - `paired_lines`: the same of elements of 32 bits, for a left operand that `tile.left_of_sums` makes: even
      steps of the depth come before odd ones. Rows have 128 bytes at least.

    Elements of f32 are rounded to tf32, to nearest and ties away from zero: those are multiplied.

    ```mlir
    %a = tile.operand rows of %left[%stage, %row, %depth] : !tile.buffer<4, 128, 32, f16, swizzled>
    %b = tile.operand lines of %right[%stage, %depth, %column] : !tile.buffer<4, 32, 128, f16, swizzled>
    ```
  }];
  let arguments = (ins EnumProp<Tile_Role>:$role, Tile_BufferType:$buffer, I64:$stage, I64:$row,
                       I64:$column);
  let results = (outs Tile_Words:$words);
  let assemblyFormat = [{
    $role `of` $buffer `[` $stage `,` $row `,` $column `]` attr-dict `:` type($buffer)
  }];
  let hasVerifier = 1;
}

def Tile_MmaOp : Tile_Op<"mma", [Pure, AllTypesMatch<["sums", "result"]>]> {
  let summary = "multiplies matrices of a warp, and adds";
  let description = [{
    Adds the product of sixteen rows and sixteen columns to sums. The depth is what 32 bytes hold: 16 numbers of
    `f16` or `bf16`, 8 of `tf32`, 32 of `s8`, `u8`, `e4m3` or `e5m2`. Both operands are of one type, but that
    bytes may differ in their sign, and floats of 8 bits in their kind. Sums are f32, of bytes i32, which wrap
    around. Each lane has eight of them.

    ```mlir
    %sum = tile.mma f16 %a, f16 %b, %zero : vector<8xf32>
    ```
  }];
  let arguments = (ins EnumProp<Tile_Number>:$leftNumber, Tile_Words:$left,
                       EnumProp<Tile_Number>:$rightNumber, Tile_Words:$right,
                       VectorOfLengthAndType<[8], [F32, I32]>:$sums);
  let results = (outs VectorOfLengthAndType<[8], [F32, I32]>:$result);
  let assemblyFormat = [{
    $leftNumber $left `,` $rightNumber $right `,` $sums attr-dict `:` type($sums)
  }];
  let hasVerifier = 1;
}

def Tile_MmaSparseOp : Tile_Op<"mma_sparse", [Pure, AllTypesMatch<["sums", "result"]>]> {
  let summary = "multiplies a matrix of a warp of which half is zero, and adds";
  let description = [{
    As `tile.mma`, of a left operand whose rows have two of each four neighbours in depth: `left` is those that
    are left, and `places` tells where they were. So the depth is twice as long, and the right operand two parts one behind the other.

    Places are words of the lanes, of sixteen rows by 64 numbers of the depth: for each four of them two bits for each of the two, ascending.
    Of halves that is twice the depth of the op, and `part` says which half of it is multiplied.

    - bytes: lane 4 g + 2 h + u has those of row g + 8 u, from number 32 h of the depth on.
    - halves: lane 4 g + t has those of row g, from number 16 t of the depth on, and in the upper half of the word those of row g + 8.

    ```mlir
    %sum = tile.mma_sparse f16 %a, %places part 1, f16 %b, %c, %zero : vector<8xf32>
    ```
  }];
  let arguments = (ins EnumProp<Tile_Number>:$leftNumber, Tile_Words:$left, I32:$places,
                       ConfinedAttr<I32Attr, [IntNonNegative]>:$part, EnumProp<Tile_Number>:$rightNumber,
                       Tile_Words:$first, Tile_Words:$second, VectorOfLengthAndType<[8], [F32, I32]>:$sums);
  let results = (outs VectorOfLengthAndType<[8], [F32, I32]>:$result);
  let assemblyFormat = [{
    $leftNumber $left `,` $places `part` $part `,` $rightNumber $first `,` $second `,` $sums attr-dict
    `:` type($sums)
  }];
  let hasVerifier = 1;
}

def Tile_LeftOfSumsOp : Tile_Op<"left_of_sums", [Pure]> {
  let summary = "makes sums the left operand of another product";
  let description = [{
    The columns of sums become the depth of the next product, without leaving the registers of their lane.
    Numbers are rounded to nearest, ties to even for halves, away from zero for tf32. As many columns as make 32
    bytes are one operand: all sixteen of halves, and of tf32 eight, of which `part` says which. Of tf32, even
    columns come before odd ones, as steps of `paired_lines`.

    ```mlir
    %a = tile.left_of_sums f16 %powers part 0 : vector<8xf32>
    ```
  }];
  let arguments = (ins EnumProp<Tile_Number>:$number, VectorOfLengthAndType<[8], [F32]>:$sums,
                       ConfinedAttr<I32Attr, [IntNonNegative]>:$part);
  let results = (outs Tile_Words:$words);
  let assemblyFormat = "$number $sums `part` $part attr-dict `:` type($sums)";
  let hasVerifier = 1;
}

def Tile_PlaceOp : Tile_Op<"place", [Pure]> {
  let summary = "where a lane's sums are";
  let description = [{
    Row and column of the first of the eight sums that a lane has of sixteen rows and columns. The second one is in the
    next column, the next two are eight rows below, and the last four are beside these, eight columns further.
    Rows are those of four neighbouring lanes.

    ```mlir
    %row, %column = tile.place
    ```
  }];
  let results = (outs I64:$row, I64:$column);
  let assemblyFormat = "attr-dict";
}

def Tile_StoreSumsOp : Tile_Op<"store_sums", [MemoryEffects<[MemWrite]>]> {
  let summary = "stores the sums of a warp";
  let description = [{
    Sixteen rows by sixteen columns, as `tile.mma` adds to them, from the given place on. With `turned`, rows of the sums become
    columns of the tile.

    ```mlir
    tile.store_sums %sums to %tile[%stage, %row, %column] : vector<8xf32>, !tile.buffer<1, 128, 128, f32, padded>
    ```
  }];
  let arguments = (ins VectorOfLengthAndType<[8], [F32, I32]>:$sums, Tile_BufferType:$buffer, I64:$stage,
                       I64:$row, I64:$column, UnitAttr:$turned);
  let assemblyFormat = [{
    $sums `to` $buffer `[` $stage `,` $row `,` $column `]` (`turned` $turned^)? attr-dict `:` type($sums) `,` type($buffer)
  }];
  let hasVerifier = 1;
}

#endif
