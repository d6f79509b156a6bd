// Sparse initializers of ONNX models as tensors.

#ifndef TENON_LIB_EDITING_SPARSECONSTANT_H
#define TENON_LIB_EDITING_SPARSECONSTANT_H

#include "lib/Tensors/Tensor.h"
#include <onnx/onnx_pb.h>

namespace tenon {

/// All elements of a sparse tensor, with zeros where it has none. What lies in other files, strings
/// and elements of less than a byte are refused.
llvm::Expected<Tensor> decodeSparseTensor(const onnx::SparseTensorProto &proto);

} // namespace tenon

#endif
