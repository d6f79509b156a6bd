// Importing a model for its types (see the header).

#include "lib/Editing/ValueTypes.h"
#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Importer/ElementTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;

namespace tenon {

/// nullopt for what is no tensor.
static std::optional<ValueType> describe(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  ValueType result{getDataType(type.getElementType()), {}};
  for (int64_t size : type.getShape())
    result.dims.push_back(ShapedType::isDynamic(size) ? -1 : size);
  return result;
}

llvm::Expected<llvm::StringMap<ValueType>> inferValueTypes(const std::shared_ptr<ModelFile> &file,
                                                           ImportOptions options) {
  llvm::StringMap<ValueType> types;
  options.onValue = [&](StringRef name, Value value) {
    if (std::optional<ValueType> type = describe(value))
      types[name] = std::move(*type);
  };
  MLIRContext context(MLIRContext::Threading::DISABLED);
  std::string errors;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      errors += (errors.empty() ? "" : "\n") + describeOrigin(diagnostic.getLocation()) + ": " +
                diagnostic.str();
    return success();
  });
  if (failed(importModel(file, context, options)))
    return makeError(errors);
  return types;
}

} // namespace tenon
