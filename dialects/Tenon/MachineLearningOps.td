// Classical machine learning: the ops of ONNX's domain ai.onnx.ml that are not sums of others.

#ifndef TENON_MACHINE_LEARNING_OPS_TD
#define TENON_MACHINE_LEARNING_OPS_TD

include "dialects/Tenon/LibraryOps.td"

def Tenon_TreeCombination : I32EnumAttr<"TreeCombination", "how trees' weights combine", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Average", 1, "average">,
    I32EnumAttrCase<"Min", 2, "min">, I32EnumAttrCase<"Max", 3, "max">]> {
  let cppNamespace = "::tenon";
}

def Tenon_TreeEnsembleOp : Tenon_LibraryOp<"tree_ensemble", [AttrSizedOperandSegments],
    ["getLibraryArguments", "getMaxTasks"]> {
  let summary = "the weights that decision trees give to targets";
  let description = [{
    ONNX [TreeEnsemble](https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html),
    TreeEnsembleRegressor and, before its post transform, TreeEnsembleClassifier. `nodes` [nodes, 4]
    holds `feature * 16 + mode`, the child where the test holds, the one where it does not, and
    whether NaN passes the test; leaves have mode 15 and instead of children the range of their
    entries in `targets` and `weights`. `limits` [nodes] is what features are compared with, for mode
    6 (member of a set) the position of a list in `members`: its length, then its numbers. Modes are
    0: <=, 1: <, 2: >=, 3: >, 4: =, 5: not equal. `base` [targets] is added at the end.

    ```mlir
    %y = tenon.tree_ensemble sum %x, %nodes, %limits, %roots, %targets, %weights
        {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0>}
      : (tensor<8x4xf32>, tensor<31x4xi32>, tensor<31xf32>, tensor<2xi32>, tensor<16xi32>,
         tensor<16xf32>) -> tensor<8x3xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$operand, RankedTensorOf<[I32]>:$nodes,
                       RankedTensorOf<[F32]>:$limits, RankedTensorOf<[I32]>:$roots,
                       RankedTensorOf<[I32]>:$targets, RankedTensorOf<[F32]>:$weights,
                       Optional<RankedTensorOf<[F32]>>:$base,
                       Optional<RankedTensorOf<[F32]>>:$members, Tenon_TreeCombination:$kind);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tenon_TfIdfOp : Tenon_LibraryOp<"tf_idf", [], ["getLibraryArguments", "getMaxTasks"]> {
  let summary = "how often n-grams of a list occur in rows of tokens";
  let description = [{
    ONNX [TfIdfVectorizer](https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html) over tokens
    [B, C]. `pool` holds the tokens of all n-grams, `grams` [G, 3] the length, the place in the pool
    and the column of each, `weights` [G] their weights. The tokens of an n-gram may have up to
    `skips` others between each two. `mode` 0 counts, 1 gives the weight of what occurs, 2 the
    product of both.

    ```mlir
    %y = tenon.tf_idf %x, %pool, %grams, %weights {mode = 0, skips = 1}
      : (tensor<2x9xi64>, tensor<8xi64>, tensor<5x3xi64>, tensor<5xf32>) -> tensor<2x5xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[I64]>:$tokens, RankedTensorOf<[I64]>:$pool,
                       RankedTensorOf<[I64]>:$grams, RankedTensorOf<[F32]>:$weights, I64Attr:$mode,
                       I64Attr:$skips);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let hasVerifier = 1;
}

#endif
