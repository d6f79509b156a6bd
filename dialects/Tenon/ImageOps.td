// Pictures as files hold them.

#ifndef TENON_IMAGE_OPS_TD
#define TENON_IMAGE_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "mlir/IR/EnumAttr.td"

// The numbers are those of runtime/abi.h.
def Tenon_PixelFormat : I32EnumAttr<"PixelFormat", "what the samples of a pixel are", [
    I32EnumAttrCase<"Grey", 0, "grey">, I32EnumAttrCase<"RGB", 1, "rgb">,
    I32EnumAttrCase<"BGR", 2, "bgr">]> {
  let cppNamespace = "::tenon";
}

def Tenon_DecodeImageOp : Tenon_Op<"decode_image", [Tenon_HostOp,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the pixels of a picture in a file's bytes";
  let description = [{
    ONNX [ImageDecoder](https://onnx.ai/onnx/operators/onnx__ImageDecoder.html): [height, width, samples].
    What is no picture, or is damaged, has height and width 0. A library that knows the formats decodes in a
    run (runtime/images); that there is none is an error of the run. The op binds the symbols that stand for
    the sizes.

    ```mlir
    %y = tenon.decode_image rgb %bytes
       : (tensor<9xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
    ```
  }];
  let arguments = (ins RankedTensorOf<[UI8]>:$bytes, Tenon_PixelFormat:$format);
  let results = (outs RankedTensorOf<[UI8]>:$pixels);
  let assemblyFormat = "$format $bytes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
