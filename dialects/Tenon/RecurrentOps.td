// Recurrent networks. The product of inputs and weights for all time steps is a tenon.matmul before
// the op; the op is the recurrence.

#ifndef TENON_RECURRENT_OPS_TD
#define TENON_RECURRENT_OPS_TD

include "dialects/Tenon/LibraryOps.td"

def Tenon_RecurrentDirection
    : I32EnumAttr<"RecurrentDirection", "the order in which time steps are taken", [
        I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"Reverse", 1, "reverse">,
        I32EnumAttrCase<"Bidirectional", 2, "bidirectional">]> {
  let cppNamespace = "::tenon";
}

def Tenon_RecurrentActivation
    : I32EnumAttr<"RecurrentActivation", "an activation function of a recurrent cell", [
        I32EnumAttrCase<"Sigmoid", 0>, I32EnumAttrCase<"Tanh", 1>, I32EnumAttrCase<"Relu", 2>,
        I32EnumAttrCase<"Affine", 3>, I32EnumAttrCase<"LeakyRelu", 4>,
        I32EnumAttrCase<"ThresholdedRelu", 5>, I32EnumAttrCase<"ScaledTanh", 6>,
        I32EnumAttrCase<"HardSigmoid", 7>, I32EnumAttrCase<"Elu", 8>,
        I32EnumAttrCase<"Softsign", 9>, I32EnumAttrCase<"Softplus", 10>]> {
  let cppNamespace = "::tenon";
}

// `states` is how many states a cell carries, `gates` how many gates it has.
class Tenon_RecurrentOp<string mnemonic, list<Trait> traits = []>
    : Tenon_LibraryOp<mnemonic, !listconcat(traits, [
        AttrSizedOperandSegments, Tenon_InferType]),
        ["getLibraryArguments", "getScratchBytes", "getMaxTasks"]> {
  defvar common = [{
    `gates` [T, B, D * G * H] is X·W + bias for T steps, B rows, D directions, G gates of H units, in
    ONNX's order. `recurrent` [D, G * H / P, H, P] are the transposed recurrence weights, cut into
    panels of P columns, P a divisor of H. States are [D, B, H], `lengths` [B] is int32.
    `activations` names the functions of each direction in turn, `alphas` and `betas` hold their
    parameters. `clip` bounds what goes into them.
  }];
  let assemblyFormat = [{
    `(` operands `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Tenon_LstmOp : Tenon_RecurrentOp<"lstm"> {
  let summary = "the recurrence of long short-term memory";
  let description = "ONNX [LSTM](https://onnx.ai/onnx/operators/onnx__LSTM.html)." # common # [{
    `coupled` makes the forget gate 1 - input gate. The results are all hidden states [T, D, B, H],
    the last ones and the last cell states.

    ```mlir
    %all, %last, %cells = tenon.lstm(%gates, %recurrent) {
        operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>,
        direction = 0 : i32, activations = ["Sigmoid", "Tanh", "Tanh"],
        alphas = array<f64: 0., 0., 0.>, betas = array<f64: 0., 0., 0.>}
      : (tensor<7x2x64xf32>, tensor<1x4x16x16xf32>)
      -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>, tensor<1x2x16xf32>)
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$gates, RankedTensorOf<[F32]>:$recurrent,
                       Optional<RankedTensorOf<[F32]>>:$initialHidden,
                       Optional<RankedTensorOf<[I32]>>:$lengths,
                       Optional<RankedTensorOf<[F32]>>:$initialCells,
                       Optional<RankedTensorOf<[F32]>>:$peepholes,
                       Tenon_RecurrentDirection:$direction, StrArrayAttr:$activations,
                       DenseF64ArrayAttr:$alphas, DenseF64ArrayAttr:$betas,
                       OptionalAttr<F64Attr>:$clip, UnitAttr:$coupled);
  let results = (outs RankedTensorOf<[F32]>:$all, RankedTensorOf<[F32]>:$last,
                      RankedTensorOf<[F32]>:$lastCells);
}

def Tenon_GruOp : Tenon_RecurrentOp<"gru"> {
  let summary = "the recurrence of gated recurrent units";
  let description = "ONNX [GRU](https://onnx.ai/onnx/operators/onnx__GRU.html)." # common # [{
    With `linearBeforeReset`, the reset gate scales the product of state and weights plus `newBias`
    [D, H], else the state before the product. The results are all hidden states [T, D, B, H] and
    the last ones.

    ```mlir
    %all, %last = tenon.gru(%gates, %recurrent) {
        operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>,
        direction = 0 : i32, activations = ["Sigmoid", "Tanh"], alphas = array<f64: 0., 0.>,
        betas = array<f64: 0., 0.>}
      : (tensor<7x2x48xf32>, tensor<1x3x16x16xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$gates, RankedTensorOf<[F32]>:$recurrent,
                       Optional<RankedTensorOf<[F32]>>:$initialHidden,
                       Optional<RankedTensorOf<[I32]>>:$lengths,
                       Optional<RankedTensorOf<[F32]>>:$newBias,
                       Tenon_RecurrentDirection:$direction, StrArrayAttr:$activations,
                       DenseF64ArrayAttr:$alphas, DenseF64ArrayAttr:$betas,
                       OptionalAttr<F64Attr>:$clip, UnitAttr:$linearBeforeReset);
  let results = (outs RankedTensorOf<[F32]>:$all, RankedTensorOf<[F32]>:$last);
}

def Tenon_RnnOp : Tenon_RecurrentOp<"rnn"> {
  let summary = "the recurrence of a simple recurrent network";
  let description = "ONNX [RNN](https://onnx.ai/onnx/operators/onnx__RNN.html)." # common # [{
    The results are all hidden states [T, D, B, H] and the last ones.

    ```mlir
    %all, %last = tenon.rnn(%gates, %recurrent) {
        operandSegmentSizes = array<i32: 1, 1, 0, 0>,
        direction = 0 : i32, activations = ["Tanh"], alphas = array<f64: 0.>,
        betas = array<f64: 0.>}
      : (tensor<7x2x16xf32>, tensor<1x1x16x16xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$gates, RankedTensorOf<[F32]>:$recurrent,
                       Optional<RankedTensorOf<[F32]>>:$initialHidden,
                       Optional<RankedTensorOf<[I32]>>:$lengths,
                       Tenon_RecurrentDirection:$direction, StrArrayAttr:$activations,
                       DenseF64ArrayAttr:$alphas, DenseF64ArrayAttr:$betas,
                       OptionalAttr<F64Attr>:$clip);
  let results = (outs RankedTensorOf<[F32]>:$all, RankedTensorOf<[F32]>:$last);
}

#endif
