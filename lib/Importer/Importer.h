// ONNX → `tenon`: the entry point.
//
// The result is a module with one function, @main. Its arguments and results carry the names of the
// graph's inputs and outputs as the attribute `tenon.name`; unknown dimensions are symbols that the
// function's `tenon.symbols` names. Errors are reported as diagnostics whose locations name file,
// node and operator (dialects/Tenon/NodeLocation.h).

#ifndef TENON_LIB_IMPORTER_IMPORTER_H
#define TENON_LIB_IMPORTER_IMPORTER_H

#include "lib/Importer/ModelFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <functional>

namespace tenon {

/// What a user says about a shape: of an input, or (with one number) of a dimension by its name.
struct ShapeOverride {
  std::string name;
  /// nullopt keeps what the model says.
  llvm::SmallVector<std::optional<int64_t>> dims;

  /// From `NAME=1x3x224x224`, where `?` keeps a dimension. NAME may contain '='.
  static llvm::Expected<ShapeOverride> parse(llvm::StringRef text);
};

struct ImportOptions {
  std::vector<ShapeOverride> shapes;
  /// Called with each input, initializer and result of a node of the main graph.
  std::function<void(llvm::StringRef name, mlir::Value value)> onValue = {};
};

llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(const std::shared_ptr<ModelFile> &file, mlir::MLIRContext &context,
            const ImportOptions &options = {});

} // namespace tenon

#endif
