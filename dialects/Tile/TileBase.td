// The dialect `tile`, its types, and what its ops have in common.

#ifndef TENON_TILE_BASE_TD
#define TENON_TILE_BASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::tenon::tile";
  let summary = "tiles that the threads of a block share, and products of matrices in registers";
  let description = [{
    Ops of kernels whose warps multiply matrices. A tile is a part of an operand in memory that a block
    shares; its type says where each element lies, so that loops over tiles know nothing about banks.
    Warps load square parts of tiles into registers as an instruction wants them, multiply, and store
    sums as tiles again. Which lane has which element only the lowering knows.

    All threads of a block run an op at the same time, unless it says something else. What orders
    them, barriers of the block, is not in this dialect.
  }];
  let useDefaultTypePrinterParser = 1;
}

//===-- Types --===//

def Tile_Layout : I32Enum<"Layout", "where the rows of a tile lie", [
    I32EnumCase<"Swizzled", 0, "swizzled">, I32EnumCase<"Padded", 1, "padded">]> {
  let cppNamespace = "::tenon::tile";
}

def Tile_BufferType : TypeDef<Tile_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "tiles of one size in shared memory";
  let description = [{
    Stages one behind the other, each of rows of elements. Shared memory has 32 banks of 4 bytes, and
    serves 16 bytes of eight lanes at a time if they are in different banks.

    - `swizzled`: chunks of 16 bytes change places within their row, by an exclusive or of their number
      and one that eight rows in a row have different, so that eight rows of one chunk lie in all banks,
      as do the chunks of one row. Where rows are shorter than 128 bytes, neighbouring rows fill that
      length. Rows have a power of two of bytes.
    - `padded`: rows are 32 bytes longer than their elements. Sums of a warp, which each lane has two
      neighbours of in two rows, are stored without conflicts.

    ```mlir
    !tile.buffer<4, 128, 32, f16, swizzled>
    ```
  }];
  let parameters = (ins "int64_t":$stages, "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$element,
                        EnumParameter<Tile_Layout>:$layout);
  let assemblyFormat = "`<` $stages `,` $rows `,` $columns `,` $element `,` $layout `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes that one shared memory access of a lane has at most: a chunk.
    static constexpr int64_t chunkBytes = 16;
    int64_t getElementBytes() const { return getElement().getIntOrFloatBitWidth() / 8; }
    /// Elements of a chunk.
    int64_t getChunk() const { return chunkBytes / getElementBytes(); }
    /// From a row to the next.
    int64_t getRowBytes() const;
    int64_t getStageBytes() const { return getRows() * getRowBytes(); }
    int64_t getBytes() const { return getStages() * getStageBytes(); }
  }];
}

//===-- Ops --===//

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

def Tile_Vector : VectorOfAnyRankOf<[AnyInteger, AnyFloat]>;

/// What each lane has of an operand.
def Tile_Words : VectorOfLengthAndType<[4], [I32]>,
                 BuildableType<"::mlir::VectorType::get({4}, $_builder.getI32Type())">;

def Tile_Number : I32Enum<"Number", "what numbers a warp multiplies", [
    I32EnumCase<"F16", 0, "f16">, I32EnumCase<"BF16", 1, "bf16">, I32EnumCase<"TF32", 2, "tf32">,
    I32EnumCase<"S8", 3, "s8">, I32EnumCase<"U8", 4, "u8">, I32EnumCase<"E4M3", 5, "e4m3">,
    I32EnumCase<"E5M2", 6, "e5m2">]> {
  let cppNamespace = "::tenon::tile";
}

#endif
