// Pictures: what their pixels must be.

#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

/// Nobody may leave it out or do it twice: it binds the sizes.
void DecodeImageOp::getEffects(SmallVectorImpl<EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), ShapeSymbols::get());
}

LogicalResult DecodeImageOp::verify() {
  RankedTensorType bytes = getBytes().getType(), pixels = getPixels().getType();
  if (bytes.getRank() != 1)
    return emitOpError("takes the bytes of one file, not ") << bytes;
  int64_t samples = getFormat() == PixelFormat::Grey ? 1 : 3;
  DimExprs dims = getDims(pixels);
  bool bindsSizes = dims.size() == 3 && isa<AffineSymbolExpr>(dims[0]) &&
                    isa<AffineSymbolExpr>(dims[1]) && dims[0] != dims[1];
  if (!bindsSizes || pixels.getDimSize(2) != samples)
    return emitOpError("gives [height, width, ") << samples << "], not " << pixels;
  return success();
}

} // namespace tenon
