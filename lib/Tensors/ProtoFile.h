// Tensors in .pb files: one serialized TensorProto each, as ONNX's backend tests keep them.
#ifndef TENON_LIB_TENSORS_PROTOFILE_H
#define TENON_LIB_TENSORS_PROTOFILE_H

#include "lib/Tensors/Tensor.h"

namespace onnx {
class TensorProto;
}

namespace tenon {

struct NamedTensor {
  std::string name; // may be empty
  Tensor tensor;
};

/// Errors name the file.
llvm::Expected<NamedTensor> readProtoFile(llvm::StringRef path);

/// The contents of a message. Data in other files is refused.
llvm::Expected<Tensor> decodeTensor(const onnx::TensorProto &proto);

} // namespace tenon

#endif // TENON_LIB_TENSORS_PROTOFILE_H
