// Operands of ops with the trait AttrSizedOperandSegments, of which some may be null.

#ifndef TENON_LIB_IMPORTER_OPS_OPTIONALOPERANDS_H
#define TENON_LIB_IMPORTER_OPS_OPTIONALOPERANDS_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// The operands that are there, and the attribute that says which. The first `required` are passed
/// on even if null, so that building reports them.
struct OptionalOperands {
  llvm::SmallVector<mlir::Value> values;
  mlir::NamedAttribute segments;

  OptionalOperands(NodeImporter &node, llvm::ArrayRef<mlir::Value> operands, unsigned required)
      : segments(makeSegments(node, operands, required)) {
    for (auto [number, operand] : llvm::enumerate(operands))
      if (operand || number < required)
        values.push_back(operand);
  }

private:
  static mlir::NamedAttribute makeSegments(NodeImporter &node, llvm::ArrayRef<mlir::Value> operands,
                                           unsigned required) {
    llvm::SmallVector<int32_t> sizes;
    for (auto [number, operand] : llvm::enumerate(operands))
      sizes.push_back(operand || number < required);
    return node.attr("operandSegmentSizes", node.builder().getDenseI32ArrayAttr(sizes));
  }
};

} // namespace tenon

#endif
