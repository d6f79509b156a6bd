// Attention by name. It is computed as a whole; its decomposition says what it means.

#ifndef TENON_ATTENTION_OPS_TD
#define TENON_ATTENTION_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

def Tenon_AttentionOp : Tenon_Op<"attention", [
    Pure, Tenon_InferTypeUpTo<"::tenon::isContractionResult">, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DecomposeOpInterface>,
    DeclareOpInterfaceMethods<PrecisionOpInterface, ["getMultipliedWeights"]>,
    DeclareOpInterfaceMethods<CostOpInterface, ["getFlops"]>]> {
  let summary = "scaled dot-product attention";
  let description = [{
    Every query takes the mean of all values, weighted by how well it fits their keys:

    `scores = where(mask, Q K^T * scale, masked) + bias`, `result = softmax(scores) V`

    as [Attention](https://onnx.ai/onnx/operators/onnx__Attention.html) of ONNX and its relatives in
    com.microsoft. Queries are [B, H, S, d], keys [B, K, T, d], values [B, K, T, e] and the result is
    [B, H, S, e], all without B if there is none. K divides H: query head h reads head h / (H / K)
    of keys and values. Keys and values of batch 1 serve all batches. Mask and bias broadcast to the
    scores [B, H, S, T]. Queries, keys and values may hold f16 or bf16 where the result holds f32.

    An operand may lie in memory in another order of its dimensions: `keyOrder` = [0, 2, 1, 3] says
    that the keys above are dimensions 0, 2, 1 and 3 of the operand, which is [B, T, K, d];
    `resultOrder` says the same of the result. So the transposes that split and join heads cost
    nothing. With `zeroEmptyRows`, queries all of whose scores are minus infinity give zeros instead
    of NaN.

    With `keyParts` = P, keys are taken in P parts, and the result is [P, B, H, S, e + 2] of f32 in this
    order: of each part the sum of its values, each multiplied by the power of e of its score less the
    largest score, then that largest score and the sum of the powers. Parts may have no keys. What
    reads it is `tenon.join_attention`.

    Recognised from matrix products and softmax, or imported; most passes see nothing else. With
    elements or sizes for which there is no kernel it decomposes into matrix products and softmax.

    ```mlir
    %y = tenon.attention %q, %k, %v bias %b {scale = 1.250000e-01, keyOrder = array<i64: 0, 2, 1, 3>}
       : (tensor<1x12x128x64xf32>, tensor<1x128x12x64xf32>, tensor<1x12x128x64xf32>,
          tensor<1x1x1x128xf32>) -> tensor<1x12x128x64xf32>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$queries, Tenon_FloatTensor:$keys,
                       Tenon_FloatTensor:$values, Optional<Tenon_BoolTensor>:$mask,
                       Optional<Tenon_FloatTensor>:$bias, F64Attr:$scale,
                       DefaultValuedAttr<F64Attr, "-std::numeric_limits<double>::infinity()">:$masked,
                       OptionalAttr<DenseI64ArrayAttr>:$queryOrder,
                       OptionalAttr<DenseI64ArrayAttr>:$keyOrder,
                       OptionalAttr<DenseI64ArrayAttr>:$valueOrder,
                       OptionalAttr<DenseI64ArrayAttr>:$resultOrder, UnitAttr:$zeroEmptyRows,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$keyParts);
  let results = (outs Tenon_FloatTensor:$result);
  let assemblyFormat = [{
    $queries `,` $keys `,` $values (`mask` $mask^)? (`bias` $bias^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// Dimensions in the order of the description.
    DimExprs getQueryDims();
    DimExprs getKeyDims();
    DimExprs getValueDims();
    /// [B, H, S, T].
    DimExprs getScoreDims();
    /// Where each dimension of the description is in the operand or result.
    ::llvm::SmallVector<int64_t> getQueryPermutation();
    ::llvm::SmallVector<int64_t> getKeyPermutation();
    ::llvm::SmallVector<int64_t> getValuePermutation();
    ::llvm::SmallVector<int64_t> getResultPermutation();
  }];
}

def Tenon_JoinAttentionOp : Tenon_Op<"join_attention", [
    Pure, DeclareOpInterfaceMethods<ElementalOpInterface>]> {
  let summary = "the results of attention whose keys were taken in parts";
  let description = [{
    Of [P, .., e + 2], as `tenon.attention` with `keyParts` gives them, to [.., e], in the order that
    `resultOrder` says as that op's does. With m the largest of the parts' largest scores m_p, sums s_p of
    powers and sums r_p of values:

    `result = sum over p of e^(m_p - m) r_p / sum over p of e^(m_p - m) s_p`

    Parts are added up in their order, in f32. With `zeroEmptyRows`, rows all of whose scores are minus
    infinity give zeros instead of NaN.

    ```mlir
    %y = tenon.join_attention %parts {resultOrder = array<i64: 0, 2, 1, 3>} : (tensor<16x1x8x4x130xf32>) -> tensor<1x4x8x128xf16>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$parts, OptionalAttr<DenseI64ArrayAttr>:$resultOrder,
                       UnitAttr:$zeroEmptyRows);
  let results = (outs Tenon_FloatTensor:$result);
  let assemblyFormat = "$parts attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
