// How the weights of a kernel lie in memory.

#ifndef TENON_WEIGHT_LAYOUT_TD
#define TENON_WEIGHT_LAYOUT_TD

include "mlir/IR/OpBase.td"

def WeightLayoutAttrInterface : AttrInterface<"WeightLayoutAttrInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    A form of constant weights that a strategy's code reads. The schedule of a kernel tells which,
    `tenon-pack-weights` writes the weights in it, and `tenon.unpack` in the kernel gives them their
    own form back. Weights are [kernel..., inputs, outputs], or matrices with 1s in front.
  }];
  let methods = [
    InterfaceMethod<"The type of weights of this type in memory.", "::mlir::RankedTensorType",
      "getPackedType", (ins "::mlir::RankedTensorType":$weights)>,
    InterfaceMethod<"Builds the ops that write weights in this form.", "::mlir::Value",
      "buildPacking", (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
                           "::mlir::Value":$weights)>,
    InterfaceMethod<[{
      Whether single weights can be read from this form: it only moves them.
    }], "bool", "canUnpack", (ins), "", [{ return true; }]>,
    InterfaceMethod<"Where the weight at `index` is in memory; only if it can be unpacked.",
      "::llvm::SmallVector<::tenon::LaneIndex>", "getPackedIndex",
      (ins "::tenon::ElementEmitter &":$emitter, "::mlir::RankedTensorType":$weights,
           "::llvm::ArrayRef<::tenon::LaneIndex>":$index), "",
      [{ llvm_unreachable("single weights cannot be read"); }]>
  ];
}

#endif
