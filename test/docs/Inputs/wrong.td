// Documentation with mistakes.

include "mlir/IR/OpBase.td"
include "mlir/Pass/PassBase.td"

def Wrong_Dialect : Dialect {
  let name = "tenon";
}

class Wrong_Op<string mnemonic> : Op<Wrong_Dialect, mnemonic> {
  let description = "```mlir\n%y = tenon." # mnemonic # " %x : (tensor<2xf32>) -> tensor<2xf32>\n```";
}

def Wrong_AbsOp : Wrong_Op<"abs">;

def Wrong_NotOp : Wrong_Op<"not">;

def Wrong_ExpOp : Wrong_Op<"exp"> {
  let description = [{
    ```mlir
    %0 = tenon.neg %x : (tensor<2xf32>) -> tensor<2xf32>
    %1 = tenon.exp %0 : (tensor<3xf32>) -> tensor<3xf32>
    ```
  }];
}

def Wrong_LogOp : Wrong_Op<"log"> {
  let description = [{
    ```mlir
    %y = tenon.log %x ...
    ```
  }];
}

def Wrong_SinOp : Wrong_Op<"sin"> {
  let description = [{
    The example shows another op.

    ```mlir
    %y = tenon.sinh %x : (tensor<2xf32>) -> tensor<2xf32>
    ```
  }];
}

def Wrong_CosOp : Wrong_Op<"cos"> {
  let description = "no example";
}

def Wrong_FoldScalesPass : Pass<"tenon-fold-scales"> {
  let description = [{
    ```mlir
    %y = tenon.neg %x : (tensor<2xf32>) -> tensor<2xf32>
    ```

    becomes

    ```mlir
    %y = tenon.abs %x : (tensor<2xf32>) -> tensor<2xf32>
    ```
  }];
}

def Wrong_RecognizePass : Pass<"tenon-recognize"> {
  let description = [{
    ```mlir
    %y = tenon.neg %x : (tensor<2xf32>) -> tensor<2xf32>
    ```

    becomes

    ```mlir
    %y = tenon.neg %z : (tensor<2xf32>) -> tensor<2xf32>
    ```

    and sometimes

    ```mlir
    %y = tenon.abs %x : (tensor<2xf32>) -> tensor<2xf32>
    ```
  }];
}

class Wrong_Unused {
  string description = [{
    ```mlir
    %y = tenon.neg %x : (tensor<2xf32>) -> tensor<2xf32>
    ```
  }];
}
