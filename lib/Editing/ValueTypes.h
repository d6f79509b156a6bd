// Types of the values of an ONNX model's main graph, as the importer finds them.

#ifndef TENON_LIB_EDITING_VALUETYPES_H
#define TENON_LIB_EDITING_VALUETYPES_H

#include "lib/Importer/Importer.h"
#include "llvm/ADT/StringMap.h"

namespace tenon {

/// Of a tensor.
struct ValueType {
  int32_t dtype = 0; // a tenon_dtype, which is ONNX's number
  /// -1 where a size depends on inputs.
  llvm::SmallVector<int64_t> dims;
};

/// The types of inputs, constants and nodes' results that are tensors, by their names. Errors are
/// those of importing the model.
llvm::Expected<llvm::StringMap<ValueType>> inferValueTypes(const std::shared_ptr<ModelFile> &file,
                                                           ImportOptions options = {});

} // namespace tenon

#endif
