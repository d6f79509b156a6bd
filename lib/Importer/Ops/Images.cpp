// ImageDecoder: a picture in a file's bytes becomes a tensor, whose sizes only a run tells.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

static std::optional<PixelFormat> getFormat(NodeImporter &node) {
  StringRef name = node.getString("pixel_format", "RGB");
  if (name == "RGB")
    return PixelFormat::RGB;
  if (name == "BGR")
    return PixelFormat::BGR;
  if (name == "Grayscale")
    return PixelFormat::Grey;
  node.emitAttributeError("pixel_format")
      << "expected RGB, BGR or Grayscale, found '" << name << "'";
  return std::nullopt;
}

static Results importImageDecoder(NodeImporter &node) {
  std::optional<PixelFormat> format = getFormat(node);
  Value bytes = node.operand(0);
  Type byte = node.builder().getIntegerType(8, /*isSigned=*/false);
  if (!format || node.hasFailed())
    return failure();
  if (node.elementType(bytes) != byte || node.rank(bytes) != 1)
    return node.emitError() << "takes the bytes of a file, uint8 of rank 1, not "
                            << bytes.getType();
  std::string name = node.outputName(0).str();
  DimExprs dims = {node.addSymbol(name + ".height"), node.addSymbol(name + ".width"),
                   node.expr(*format == PixelFormat::Grey ? 1 : 3)};
  auto formatAttr = PixelFormatAttr::get(node.context(), *format);
  return {{node.make<DecodeImageOp>(makeTensorType(dims, byte), bytes,
                                    node.attr("format", formatAttr))}};
}

void registerImageOps(OpRegistry &registry) {
  registry.add("ImageDecoder", 20, 1, importImageDecoder);
}

} // namespace tenon
