// Feeds the importer with bytes that are nearly models. Whatever they are, the outcome is a
// verified module or an error, within bounds of time and memory.

#include "lib/Importer/Importer.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

using namespace tenon;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = ModelFile::parse(llvm::StringRef(reinterpret_cast<const char *>(data), size));
  if (!file) {
    llvm::consumeError(file.takeError());
    return 0;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  bool hasError = false;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    hasError |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    return mlir::success();
  });
  auto module = importModel(*file, context);
  // Failing without a word is a bug, too.
  if (failed(module) && !hasError)
    __builtin_trap();
  return 0;
}
