// Signals, regions of images and linear algebra: ops that compute, but in no pattern that code
// generation knows.

#ifndef TENON_NUMERIC_OPS_TD
#define TENON_NUMERIC_OPS_TD

include "dialects/Tenon/LibraryOps.td"

def Tenon_F32OrF64Tensor : RankedTensorOf<[F32, F64]>;

def Tenon_DftOp : Tenon_LibraryOp<"dft", [],
    ["getLibraryArguments", "getScratchBytes", "getMaxTasks"]> {
  let summary = "the discrete Fourier transform along an axis";
  let description = [{
    ONNX [DFT](https://onnx.ai/onnx/operators/onnx__DFT.html). The last dimension holds real numbers
    (size 1) or real and imaginary parts (size 2). Lines are cut off or padded with zeros to
    `length`, and the result may have fewer elements than that: the first ones. An inverse transform
    whose result is real takes the first half of a symmetric spectrum. A `length` of 0 is one that
    only a run tells: the larger of the sizes that operand and result have along the axis.

    ```mlir
    %y = tenon.dft %x {axis = 1, length = 16} : (tensor<3x16x1xf32>) -> tensor<3x9x2xf32>
    ```
  }];
  let arguments = (ins Tenon_F32OrF64Tensor:$operand, I64Attr:$axis, I64Attr:$length,
                       UnitAttr:$inverse);
  let results = (outs Tenon_F32OrF64Tensor:$result);
  let hasVerifier = 1;
}

def Tenon_RoiAlignOp : Tenon_LibraryOp<"roi_align", [],
    ["getLibraryArguments", "getMaxTasks", "getFailureReason"]> {
  let summary = "regions of images, sampled to one size";
  let description = [{
    ONNX [RoiAlign](https://onnx.ai/onnx/operators/onnx__RoiAlign.html): images [N, C, H, W], regions
    [R, 4], each region's image [R]. `samples` per cell and dimension are interpolated, 0 meaning as
    many as pixels, and their mean or, with `largest`, their largest is taken.

    ```mlir
    %y = tenon.roi_align %x, %rois, %images {samples = 2, scale = 1.0, halfPixel}
      : (tensor<1x3x32x32xf32>, tensor<5x4xf32>, tensor<5xi64>) -> tensor<5x3x7x7xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$operand, RankedTensorOf<[F32]>:$boxes,
                       RankedTensorOf<[I64]>:$images, I64Attr:$samples, F64Attr:$scale,
                       UnitAttr:$largest, UnitAttr:$halfPixel);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let hasVerifier = 1;
}

def Tenon_MaxRoiPoolOp : Tenon_LibraryOp<"max_roi_pool", [],
    ["getLibraryArguments", "getMaxTasks", "getFailureReason"]> {
  let summary = "regions of images, pooled to one size";
  let description = [{
    ONNX [MaxRoiPool](https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html): images [N, C, H, W],
    regions [R, 5] with the image's number first.

    ```mlir
    %y = tenon.max_roi_pool %x, %rois {scale = 0.5}
      : (tensor<1x3x32x32xf32>, tensor<5x5xf32>) -> tensor<5x3x7x7xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$operand, RankedTensorOf<[F32]>:$boxes,
                       F64Attr:$scale);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let hasVerifier = 1;
}

class Tenon_MatrixOp<string mnemonic>
    : Tenon_LibraryOp<mnemonic, [Tenon_InferType], ["getScratchBytes", "getMaxTasks"]> {
  let arguments = (ins Tenon_F32OrF64Tensor:$operand);
  let results = (outs Tenon_F32OrF64Tensor:$result);
}

def Tenon_DetOp : Tenon_MatrixOp<"det"> {
  let summary = "the determinants of square matrices";
  let description = [{
    ONNX [Det](https://onnx.ai/onnx/operators/onnx__Det.html).

    ```mlir
    %y = tenon.det %x : (tensor<5x3x3xf32>) -> tensor<5xf32>
    ```
  }];
}

def Tenon_InverseOp : Tenon_MatrixOp<"inverse"> {
  let summary = "the inverses of square matrices";
  let description = [{
    com.microsoft's Inverse.

    ```mlir
    %y = tenon.inverse %x : (tensor<5x3x3xf32>) -> tensor<5x3x3xf32>
    ```
  }];
}

#endif
