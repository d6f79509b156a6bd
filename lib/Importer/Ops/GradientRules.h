// How ops are differentiated: for each kind of op a rule that builds what its operands contribute
// to the derivative of y from dy/d(result).

#ifndef TENON_LIB_IMPORTER_OPS_GRADIENTRULES_H
#define TENON_LIB_IMPORTER_OPS_GRADIENTRULES_H

#include "lib/Importer/Ops/TensorMath.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace tenon {

/// dy/d(operand) for each operand, in the shape of what the operand broadcasts to; null where y
/// does not depend on it. `gradient` is dy/d(result 0), with the result's type.
using GradientRule =
    std::function<NodeImporter::Values(NodeImporter &, mlir::Operation *op, mlir::Value gradient)>;

class GradientRules {
public:
  template <typename OpT>
  void add(NodeImporter::Values (*rule)(NodeImporter &node, OpT op, mlir::Value gradient)) {
    rules[mlir::TypeID::get<OpT>()] = [rule](NodeImporter &node, mlir::Operation *op,
                                             mlir::Value gradient) {
      return rule(node, llvm::cast<OpT>(op), gradient);
    };
  }
  /// Null when there is none.
  const GradientRule *find(mlir::Operation *op) const {
    auto found = rules.find(op->getName().getTypeID());
    return found == rules.end() ? nullptr : &found->second;
  }

  /// All that there are.
  static const GradientRules &all();

private:
  llvm::DenseMap<mlir::TypeID, GradientRule> rules;
};

void addPointwiseGradients(GradientRules &rules);
void addReductionGradients(GradientRules &rules);
void addMovementGradients(GradientRules &rules);
void addContractionGradients(GradientRules &rules);

} // namespace tenon

#endif
