// What small tensors hold, as far as it is known while importing.

#ifndef TENON_LIB_IMPORTER_CONTENTS_H
#define TENON_LIB_IMPORTER_CONTENTS_H

#include "dialects/Tenon/TenonDialect.h"
#include "llvm/ADT/DenseMap.h"

namespace tenon {

/// Follows small tensors through the ops that compute them. Elements of integer tensors are
/// expressions over the shape symbols; elements of float tensors are followed only as constants,
/// and given as the bits of the number.
class ContentsMap {
public:
  /// nullopt when elements depend on data, or their expressions grow beyond use.
  std::optional<DimExprs> get(mlir::Value value);
  /// The same with unknown elements (isUnknownElement) beside those that are known; nullopt when
  /// none is.
  std::optional<DimExprs> getPartly(mlir::Value value);
  /// The same as an attribute; null when an element is no constant.
  mlir::DenseElementsAttr getConstant(mlir::Value value);
  /// To be called before a value is erased.
  void forget(mlir::Value value) { known.erase(value); }

private:
  std::optional<DimExprs> infer(mlir::Value value);

  llvm::DenseMap<mlir::Value, std::optional<DimExprs>> known;
};

} // namespace tenon

#endif
