// Errors of a compilation, as text.

#include "lib/Driver/Diagnostics.h"
#include "dialects/Tenon/NodeLocation.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon::driver {

DiagnosticCollector::DiagnosticCollector(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          add(diagnostic);
        return success();
      }) {}

void DiagnosticCollector::add(Diagnostic &diagnostic) {
  std::lock_guard lock(mutex);
  std::string origin = describeOrigin(diagnostic.getLocation());
  if (!text.empty())
    text += "\n";
  text += origin.empty() ? diagnostic.str() : origin + ": " + diagnostic.str();
  for (Diagnostic &note : diagnostic.getNotes())
    text += "\n  note: " + note.str();
}

llvm::Error DiagnosticCollector::takeError(const llvm::Twine &fallback) {
  std::lock_guard lock(mutex);
  std::string taken = std::exchange(text, std::string());
  return llvm::createStringError(taken.empty() ? fallback.str() : taken);
}

llvm::SetVector<StringRef> listNodes(Location loc) {
  llvm::SetVector<StringRef> names;
  loc->walk([&](Location part) {
    if (isa<NameLoc>(part))
      if (StringRef node = getNodeOrigin(part).node; !node.empty())
        names.insert(node);
    return WalkResult::advance();
  });
  return names;
}

std::string nodeNames(Location loc) { return llvm::join(listNodes(loc), ","); }

} // namespace tenon::driver
