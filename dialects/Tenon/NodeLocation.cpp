// Node locations (see the header).

#include "dialects/Tenon/NodeLocation.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tenon {

Location makeFileLocation(StringRef file, MLIRContext *context) {
  return FileLineColLoc::get(context, file, 0, 0);
}

Location makeNodeLocation(StringRef file, StringRef node, StringRef opType, MLIRContext *context) {
  Location name = NameLoc::get(StringAttr::get(context, node), makeFileLocation(file, context));
  if (opType.empty())
    return name;
  // FusedLoc::get would drop a single location only if there were no metadata.
  return FusedLoc::get({name}, StringAttr::get(context, opType), context);
}

static void collectOrigin(LocationAttr location, NodeOrigin &origin) {
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    if (auto opType = dyn_cast_or_null<StringAttr>(fused.getMetadata()); opType)
      origin.opType = opType.getValue();
    if (!fused.getLocations().empty())
      collectOrigin(fused.getLocations().front(), origin);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    origin.node = name.getName().getValue();
    collectOrigin(name.getChildLoc(), origin);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collectOrigin(call.getCallee(), origin);
  } else if (auto file = dyn_cast<FileLineColLoc>(location)) {
    origin.file = file.getFilename().getValue();
    origin.line = file.getLine();
    origin.column = file.getColumn();
  }
}

NodeOrigin getNodeOrigin(Location location) {
  NodeOrigin origin;
  collectOrigin(location, origin);
  return origin;
}

std::string describeOrigin(Location location) {
  NodeOrigin origin = getNodeOrigin(location);
  std::string text = origin.file.str();
  if (origin.line != 0)
    text += llvm::formatv(":{0}:{1}", origin.line, origin.column);
  if (!origin.node.empty()) {
    text += text.empty() ? "" : ": ";
    text += origin.opType.empty() ? "value '" : "node '";
    text += origin.node.str() + "'";
    if (!origin.opType.empty())
      text += " (" + origin.opType.str() + ")";
  }
  return text;
}

} // namespace tenon
