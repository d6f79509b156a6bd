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
    ["getLibraryArguments", "getScratchBytes", "getMaxTasks"]> {
  let summary = "the weights that decision trees give to targets";
  let description = [{
    ONNX [TreeEnsemble](https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html),
    TreeEnsembleRegressor and, before its post transform, TreeEnsembleClassifier, with all tests
    written as comparisons (`lib/Importer/Ops/ForestTables.cpp` says how). `operand` is [N, features].

    What is compared are floats as integers in the same order: `bits` for positive ones,
    `-(bits & 0x7fffffff)` for negative ones, 0x7fffffff for NaN. `columns` [C] are the values of a
    sample that nodes ask for, `feature * 2`, plus 1 where its sign is flipped first, which makes a
    negative integer of a positive one and leaves NaN as it is; the first of them is column 1. `nodes`
    [nodes, 3] holds a limit, a column, and the distance to the first of two children, which lie side
    by side: the second follows if the column's value is not at most the limit. A leaf has column 0,
    which is NaN, and distance -1, so that walks stay there. `roots` [trees] are nodes.

    A leaf's limit is the bits of the f32 weight that it gives to the only target, or with `entries`
    [entries, 2] the place of the first of its entries: `target * 2`, plus 1 in its last one, and the
    bits of a weight. Weights are combined in the order of the trees; `base` [targets] is added at the
    end.

    ```mlir
    %y = tenon.tree_ensemble sum %x, %columns, %nodes, %roots, %entries
        {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0>}
      : (tensor<8x4xf32>, tensor<4xi32>, tensor<31x3xi32>, tensor<2xi32>, tensor<16x2xi32>)
      -> tensor<8x3xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$operand, RankedTensorOf<[I32]>:$columns,
                       RankedTensorOf<[I32]>:$nodes, RankedTensorOf<[I32]>:$roots,
                       Optional<RankedTensorOf<[I32]>>:$entries,
                       Optional<RankedTensorOf<[F32]>>:$base, Tenon_TreeCombination:$kind);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Samples that a task copies at once, with their columns, so that each tree meets many of them.
    int64_t getBlock();
  }];
}

def Tenon_TfIdfOp : Tenon_LibraryOp<"tf_idf", [Tenon_TakesStrings], ["getLibraryArguments", "getMaxTasks"]> {
  let summary = "how often n-grams of a list occur in rows of tokens";
  let description = [{
    ONNX [TfIdfVectorizer](https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html) over tokens
    [B, C], integers or strings. `pool` holds the tokens of all n-grams, `grams` [G, 3] the length, the place in the pool
    and the column of each, `weights` [G] their weights. The tokens of an n-gram may have up to
    `skips` others between each two. `mode` 0 counts, 1 gives the weight of what occurs, 2 the
    product of both.

    ```mlir
    %y = tenon.tf_idf %x, %pool, %grams, %weights {mode = 0, skips = 1}
      : (tensor<2x9xi64>, tensor<8xi64>, tensor<5x3xi64>, tensor<5xf32>) -> tensor<2x5xf32>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$tokens, Tenon_StringTensor:$pool,
                       RankedTensorOf<[I64]>:$grams, RankedTensorOf<[F32]>:$weights, I64Attr:$mode,
                       I64Attr:$skips);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let hasVerifier = 1;
}

def Tenon_CouplePairsOp : Tenon_LibraryOp<"couple_pairs", [Tenon_InferType],
    ["getScratchBytes", "getMaxTasks"]> {
  let summary = "probabilities of classes from those of pairs of them";
  let description = [{
    `operand` [N, classes * (classes - 1) / 2] holds for each pair of classes i < j, in the order of i
    and then of j, how probable i is if it is one of the two. The result [N, classes] are the
    probabilities of classes that fit these best: the second method of [Wu, Lin and Weng
    2004](https://www.jmlr.org/papers/v5/wu04a.html), with as many steps as libsvm takes. Part of
    ONNX [SVMClassifier](https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html).

    ```mlir
    %y = tenon.couple_pairs %x {classes = 4} : (tensor<8x6xf32>) -> tensor<8x4xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$operand, I64Attr:$classes);
  let results = (outs RankedTensorOf<[F32]>:$result);
}

#endif
