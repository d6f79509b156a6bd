// From tiles to instructions.
#ifndef TENON_PASSES_CODEGEN_CUDA_LOWERTILES_H
#define TENON_PASSES_CODEGEN_CUDA_LOWERTILES_H

#include "dialects/Tile/TileDialect.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon::cuda {

/// Has ops of the `tile` dialect lowered wherever kernels are (tenon-lower-kernels).
void registerTileLowering(mlir::DialectRegistry &registry);

/// Adds what lowers ops of warps with different roles (LowerPipelines.cpp).
void populatePipelinePatterns(mlir::LLVMTypeConverter &converter,
                              mlir::RewritePatternSet &patterns);

/// Adds what lowers products of matrices of a warp (LowerProducts.cpp).
void populateProductPatterns(mlir::LLVMTypeConverter &converter, mlir::RewritePatternSet &patterns);

/// Elements [first, first + count) of a vector.
llvm::SmallVector<mlir::Value> extract(Emitter &em, mlir::Value vector, int64_t first,
                                       int64_t count);

/// A pointer to a place of the shared memory that a launch gives a block.
mlir::Value sharedPointer(Emitter &em, mlir::ModuleOp module, int64_t offset);
/// How many bytes behind the first one of its buffer a row begins.
mlir::Value rowOffset(Emitter &em, tile::BufferType type, mlir::Value stage, mlir::Value row);

} // namespace tenon::cuda

#endif
