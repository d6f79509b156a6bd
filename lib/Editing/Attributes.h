// Attributes of ONNX nodes, by name.

#ifndef TENON_LIB_EDITING_ATTRIBUTES_H
#define TENON_LIB_EDITING_ATTRIBUTES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <onnx/onnx_pb.h>

namespace tenon {

/// Null if the node has none of this name.
const onnx::AttributeProto *findAttribute(const onnx::NodeProto &node, llvm::StringRef name);

/// The value of an attribute, or `otherwise` where the node has none of this name.
int64_t getInt(const onnx::NodeProto &node, llvm::StringRef name, int64_t otherwise);
float getFloat(const onnx::NodeProto &node, llvm::StringRef name, float otherwise);
llvm::StringRef getString(const onnx::NodeProto &node, llvm::StringRef name,
                          llvm::StringRef otherwise);
llvm::SmallVector<int64_t> getInts(const onnx::NodeProto &node, llvm::StringRef name,
                                   llvm::ArrayRef<int64_t> otherwise = {});

/// Gives the node an attribute, in place of any of this name.
void setInt(onnx::NodeProto &node, llvm::StringRef name, int64_t value);
void setFloat(onnx::NodeProto &node, llvm::StringRef name, float value);
void setString(onnx::NodeProto &node, llvm::StringRef name, llvm::StringRef value);
void setInts(onnx::NodeProto &node, llvm::StringRef name, llvm::ArrayRef<int64_t> values);

} // namespace tenon

#endif
