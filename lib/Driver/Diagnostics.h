// Errors of a compilation, as text.
#ifndef TENON_LIB_DRIVER_DIAGNOSTICS_H
#define TENON_LIB_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Error.h"
#include <mutex>
#include <string>

namespace tenon::driver {

/// Collects errors as lines of text, each with the origin of what it is about.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);

  /// What was collected so far, once: whoever passes it on may report it as part of an error of
  /// its own.
  llvm::Error takeError(const llvm::Twine &fallback);

private:
  void add(mlir::Diagnostic &diagnostic);

  std::mutex mutex;
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// Names of the ONNX nodes behind a location, comma separated.
std::string nodeNames(mlir::Location loc);
/// These names by themselves, each once.
llvm::SetVector<llvm::StringRef> listNodes(mlir::Location loc);

} // namespace tenon::driver

#endif
