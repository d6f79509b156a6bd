// Runs a compiled model in the compiler's own process.

#include "lib/Driver/Constants.h"
#include "dialects/Tenon/Shape.h"
#include "include/tenon/runtime.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace tenon::driver {

namespace {

/// Tensors up to this many bytes become DenseElementsAttr, which folders can read.
constexpr size_t kMaxDenseBytes = 1024;

struct ModelDeleter {
  void operator()(tenon_model *model) const { tenon_model_free(model); }
};
struct ContextDeleter {
  void operator()(tenon_context *context) const { tenon_context_free(context); }
};

ElementsAttr makeAttribute(RankedTensorType type, AsmResourceBlob blob) {
  ArrayRef<char> bytes = blob.getData();
  if (bytes.size() > kMaxDenseBytes)
    return DenseResourceElementsAttr::get(type, "folded", std::move(blob));
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<bool> values(bytes.begin(), bytes.end());
  return DenseElementsAttr::get(type, ArrayRef<bool>(values));
}

} // namespace

FailureOr<SmallVector<char>> constantBytes(ElementsAttr attr) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return failure();
    ArrayRef<char> data = blob->getData();
    return SmallVector<char>(data.begin(), data.end());
  }
  auto elements = dyn_cast<DenseElementsAttr>(attr);
  if (!elements || !elements.getElementType().isIntOrFloat())
    return failure();
  SmallVector<char> bytes;
  if (elements.getElementType().isInteger(1)) {
    for (bool value : elements.getValues<bool>())
      bytes.push_back(value);
    return bytes;
  }
  ArrayRef<char> raw = elements.getRawData();
  size_t copies = elements.isSplat() ? elements.getNumElements() : 1;
  for (size_t i = 0; i < copies; ++i)
    bytes.append(raw.begin(), raw.end());
  return bytes;
}

static llvm::Error runtimeError() {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), tenon_last_error());
}

llvm::Expected<SmallVector<ElementsAttr>> evaluate(StringRef path, TypeRange types) {
  tenon_model *loaded = nullptr;
  if (tenon_model_load(path.str().c_str(), &loaded) != TENON_OK)
    return runtimeError();
  std::unique_ptr<tenon_model, ModelDeleter> model(loaded);
  tenon_context_options options = {};
  options.threads = 1;
  tenon_context *created = nullptr;
  if (tenon_context_create(model.get(), &options, &created) != TENON_OK)
    return runtimeError();
  std::unique_ptr<tenon_context, ContextDeleter> context(created);
  // The run writes where the values will stay: of large weights there should be no second copy.
  std::vector<tenon_tensor> outputs(types.size());
  SmallVector<AsmResourceBlob> blobs;
  for (auto [type, output] : llvm::zip_equal(types, outputs)) {
    size_t bytes = *countBytes(cast<RankedTensorType>(type));
    blobs.push_back(HeapAsmResourceBlob::allocate(bytes, /*align=*/64, /*dataIsMutable=*/true));
    output.data = bytes ? blobs.back().getMutableData().data() : nullptr;
    output.capacity = bytes;
  }
  if (tenon_run(context.get(), nullptr, 0, outputs.data(), outputs.size()) != TENON_OK)
    return runtimeError();
  SmallVector<ElementsAttr> values;
  for (auto [type, blob] : llvm::zip_equal(types, blobs))
    values.push_back(makeAttribute(cast<RankedTensorType>(type), std::move(blob)));
  return values;
}

} // namespace tenon::driver
