// Constants of programs and their bytes.

#include "lib/Driver/Constants.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace tenon::driver {

/// Tensors up to this many bytes become DenseElementsAttr, which folders can read.
static constexpr size_t kMaxDenseBytes = 1024;

static AsmResourceBlob viewOf(ArrayRef<char> bytes) {
  return UnmanagedAsmResourceBlob::allocateInferAlign(bytes);
}

FailureOr<AsmResourceBlob> constantBytes(ElementsAttr constant) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return failure();
    return viewOf(blob->getData());
  }
  auto elements = dyn_cast<DenseElementsAttr>(constant);
  if (!elements || !elements.getElementType().isIntOrFloat())
    return failure();
  SmallVector<char> bytes;
  if (elements.getElementType().isInteger(1)) {
    for (bool value : elements.getValues<bool>())
      bytes.push_back(value);
    return HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef(bytes));
  }
  ArrayRef<char> raw = elements.getRawData();
  if (!elements.isSplat())
    return viewOf(raw);
  for (int64_t i = 0; i < elements.getNumElements(); ++i)
    bytes.append(raw.begin(), raw.end());
  return HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64);
}

ElementsAttr makeConstant(RankedTensorType type, AsmResourceBlob blob) {
  ArrayRef<char> bytes = blob.getData();
  if (bytes.size() > kMaxDenseBytes)
    return DenseResourceElementsAttr::get(type, "folded", std::move(blob));
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<bool> values(bytes.begin(), bytes.end());
  return DenseElementsAttr::get(type, ArrayRef<bool>(values));
}

} // namespace tenon::driver
