// Values in .pb files, as ONNX's backend tests keep them: one serialized TensorProto,
// SequenceProto, OptionalProto or MapProto each. A file does not say which.
#ifndef TENON_LIB_TENSORS_PROTOFILE_H
#define TENON_LIB_TENSORS_PROTOFILE_H

#include "lib/Tensors/Value.h"

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

/// A value with these kinds around tensors, from the outside in (tenon_kind).
llvm::Expected<NamedValue> readProtoFile(llvm::StringRef path, llvm::ArrayRef<int32_t> kinds);
/// Writes what readProtoFile reads.
llvm::Error writeProtoFile(llvm::StringRef path, const NamedValue &value);

/// The contents of a message. Data in other files is refused.
llvm::Expected<Tensor> decodeTensor(const onnx::TensorProto &proto);
/// Replaces type, shape and elements of a message, whose name stays.
void encodeTensor(const Tensor &tensor, onnx::TensorProto &proto);

} // namespace tenon

#endif // TENON_LIB_TENSORS_PROTOFILE_H
