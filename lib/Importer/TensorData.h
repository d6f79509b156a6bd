// TensorProto → attribute: dense elements for small tensors, a resource that points into the model
// file for large ones.

#ifndef TENON_LIB_IMPORTER_TENSORDATA_H
#define TENON_LIB_IMPORTER_TENSORDATA_H

#include "lib/Importer/ModelFile.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace tenon {

/// Tensors up to this many bytes become DenseElementsAttr.
inline constexpr size_t maxInlineBytes = 1024;

/// More elements than this, in any tensor, are taken for nonsense: no machine holds 2^46 bytes.
inline constexpr int64_t maxElements = int64_t(1) << 46;

/// More dimensions than this are nonsense, too, and make work that grows with their number's
/// square.
inline constexpr size_t maxRank = 64;

/// The product of dimensions, or an error for negative ones, more than maxElements or maxRank.
llvm::Expected<int64_t> countElements(llvm::ArrayRef<int64_t> dims);
/// The same check for dimensions of which some are expressions. Those must not have grown beyond
/// use.
llvm::Error checkDims(llvm::ArrayRef<mlir::AffineExpr> dims);

/// Whether a declared dimension has a size. Some exporters (Paddle's) write -1 where it has none.
inline bool hasSize(const onnx::TensorShapeProto::Dimension &dim) {
  return dim.has_dim_value() && dim.dim_value() != -1;
}

/// The contents of `tensor`. Elements lie in row-major order, each in its own byte or bytes (4-bit
/// and 2-bit types are unpacked), booleans are 0 or 1. Resource data is aligned to the element
/// size.
llvm::Expected<mlir::ElementsAttr> importTensor(const onnx::TensorProto &tensor,
                                                const std::shared_ptr<ModelFile> &file,
                                                mlir::MLIRContext *context);

/// The same for a sparse tensor, which becomes dense.
llvm::Expected<mlir::ElementsAttr> importSparseTensor(const onnx::SparseTensorProto &tensor,
                                                      const std::shared_ptr<ModelFile> &file,
                                                      mlir::MLIRContext *context);

/// An attribute for elements in memory as importTensor describes them. `owner` keeps the bytes
/// alive if the attribute refers to them.
mlir::ElementsAttr makeElementsAttr(mlir::RankedTensorType type, llvm::StringRef name,
                                    llvm::ArrayRef<char> bytes, std::shared_ptr<void> owner);

} // namespace tenon

#endif
