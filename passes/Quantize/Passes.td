// Arithmetic on quantized values.

#ifndef TENON_PASSES_QUANTIZE_PASSES_TD
#define TENON_PASSES_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def MoveDequantizePass : Pass<"tenon-move-dequantize", "::mlir::func::FuncOp"> {
  let summary = "moves elements while they are quantized";
  let description = [{
    Dequantization moves behind what only moves elements (reshapes, transposes, pads with zeros,
    slices, gathers, maxima of windows, concatenations of tensors with equal parameters), and the
    quantization of a concatenation to its parts; what is quantized as it was before it was
    dequantized is not touched at all. Results stay the same.

    ```mlir
    %s = tenon.constant dense<5.000000e-01> : tensor<f32>
    %z = tenon.constant dense<3> : tensor<ui8>
    %0 = tenon.constant dense<0.000000e+00> : tensor<f32>
    %x = tenon.dequantize %q, %s, %z : (tensor<8xui8>, tensor<f32>, tensor<ui8>) -> tensor<8xf32>
    %y = tenon.pad %x, %0 {low = affine_map<() -> (1)>}
       : (tensor<8xf32>, tensor<f32>) -> tensor<10xf32>
    ```

    becomes

    ```mlir
    %s = tenon.constant dense<5.000000e-01> : tensor<f32>
    %z = tenon.constant dense<3> : tensor<ui8>
    %p = tenon.pad %q, %z {low = affine_map<() -> (1)>}
       : (tensor<8xui8>, tensor<ui8>) -> tensor<10xui8>
    %y = tenon.dequantize %p, %s, %z : (tensor<10xui8>, tensor<f32>, tensor<ui8>) -> tensor<10xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

def MultiplyQuantizedPass : Pass<"tenon-multiply-quantized", "::mlir::func::FuncOp"> {
  let summary = "multiplies dequantized tensors as integers";
  let description = [{
    A product or convolution of dequantized tensors becomes one of integers, with an exact sum of 32
    bits, where the scales are the same for all that a result sums over and the sum cannot overflow.
    A bias that is quantized with the product of the scales joins the sum. Where the result is
    quantized, the sum is multiplied once, by the scales' product over the new scale (docs/numerics.md).

    ```mlir
    %x = tenon.dequantize %a, %sa : (tensor<8x64xui8>, tensor<f32>) -> tensor<8x64xf32>
    %w = tenon.dequantize %b, %sb : (tensor<64x16xi8>, tensor<16xf32>) -> tensor<64x16xf32>
    %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
    ```

    becomes

    ```mlir
    %x = tenon.cast %a to i32 : (tensor<8x64xui8>) -> tensor<8x64xi32>
    %w = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
    %sum = tenon.matmul %x, %w : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
    %f = tenon.cast %sum to f32 : (tensor<8x16xi32>) -> tensor<8x16xf32>
    %s = tenon.mul %sa, %sb : (tensor<f32>, tensor<16xf32>) -> tensor<16xf32>
    %y = tenon.mul %f, %s : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

def MultiplyFloat8Pass : Pass<"tenon-multiply-float8", "::mlir::func::FuncOp"> {
  let summary = "multiplies dequantized floats of 8 bits as they are";
  let description = [{
    Where matrix units of the target multiply floats of 8 bits, a product or convolution of two
    dequantized (or merely widened) tensors of them becomes one of the floats, with a sum in f32 that is
    scaled once, where the scales are the same for all that a result sums over. Where matrix units
    multiply halves only, it becomes one of halves, which hold all such numbers. So does attention, whose
    scales are numbers: those of queries and keys join its own.

    ```mlir
    // tenon-opt --tenon-assign-target=target=cuda:sm_89 --tenon-multiply-float8
    %x = tenon.dequantize %a, %sa : (tensor<64x64xf8E4M3FN>, tensor<f32>) -> tensor<64x64xf32>
    %w = tenon.dequantize %b, %sb : (tensor<64x32xf8E4M3FN>, tensor<32xf32>) -> tensor<64x32xf32>
    %y = tenon.matmul %x, %w : (tensor<64x64xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
    ```

    becomes

    ```mlir
    %s = tenon.mul %sa, %sb : (tensor<f32>, tensor<32xf32>) -> tensor<32xf32>
    %sum = tenon.matmul %a, %b
       : (tensor<64x64xf8E4M3FN>, tensor<64x32xf8E4M3FN>) -> tensor<64x32xf32>
    %y = tenon.mul %sum, %s : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [Statistic<"numFormed", "formed", "ops that multiply floats of 8 bits">];
}

def KeepWeightsNarrowPass : Pass<"tenon-keep-weights-narrow", "::mlir::func::FuncOp"> {
  let summary = "keeps constants that are dequantized as narrow as they are";
  let description = [{
    Constant weights of a matrix product that are dequantized with a scale for each output become
    weights that are dequantized in blocks as long as a sum, which stay narrow in memory if the target
    reads them so. Rows of a quantized table are gathered before they are dequantized.

    ```mlir
    %q = tenon.constant dense<7> : tensor<64x16xi8>
    %s = tenon.constant dense<0.5> : tensor<16xf32>
    %w = tenon.dequantize %q, %s : (tensor<64x16xi8>, tensor<16xf32>) -> tensor<64x16xf32>
    %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
    ```

    becomes

    ```mlir
    %q = tenon.constant dense<7> : tensor<64x16xi8>
    %s = tenon.constant dense<0.5> : tensor<1x16xf32>
    %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 64}
       : (tensor<64x16xi8>, tensor<1x16xf32>) -> tensor<64x16xf32>
    %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

def SimplifyQuantizationPass : Pass<"tenon-simplify-quantization", "::mlir::func::FuncOp"> {
  let summary = "removes the steps through integers between quantized operators";
  let description = [{
    A value that is quantized and dequantized is rounded and clamped; that it is narrowed to a byte
    in between changes nothing. Follows which values are integers and
    within which bounds, and drops roundings, clamps and casts that do nothing. Runs after constants
    have folded.

    ```mlir
    %c0 = tenon.constant dense<0.0> : tensor<f32>
    %c255 = tenon.constant dense<255.0> : tensor<f32>
    %z = tenon.constant dense<136.0> : tensor<f32>
    %zi32 = tenon.constant dense<136> : tensor<i32>
    %rounded = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
    %1 = tenon.add %rounded, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %2 = tenon.max %1, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %3 = tenon.min %2, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %4 = tenon.cast %3 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
    %5 = tenon.cast %4 to i32 : (tensor<8xui8>) -> tensor<8xi32>
    %6 = tenon.sub %5, %zi32 : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
    %7 = tenon.cast %6 to f32 : (tensor<8xi32>) -> tensor<8xf32>
    ```

    becomes

    ```mlir
    %c0 = tenon.constant dense<0.0> : tensor<f32>
    %c255 = tenon.constant dense<255.0> : tensor<f32>
    %z = tenon.constant dense<136.0> : tensor<f32>
    %rounded = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
    %1 = tenon.add %rounded, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %2 = tenon.max %1, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %3 = tenon.min %2, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %7 = tenon.sub %3, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    ```
  }];
}

def FormIntegerContractionsPass
    : Pass<"tenon-form-integer-contractions", "::mlir::func::FuncOp"> {
  let summary = "lets contractions of integers read narrow ones";
  let description = [{
    A product of i32 operands that are known to be narrower, or are narrow ones less a zero point,
    becomes one of operands that an instruction of the target multiplies. What the zero points a and
    b of the operands add is a sum over the other operand:

        (A + a)(B + b) = AB + a * columnSums(B + b) + rowSums(A) * b

    that of constant weights is a constant. All is arithmetic modulo 2^32, so results are the same.

    ```mlir
    %a32 = tenon.cast %a to i32 : (tensor<8x64xui8>) -> tensor<8x64xi32>
    %b32 = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
    %c = tenon.matmul %a32, %b32 : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
    ```

    becomes

    ```mlir
    %c = tenon.matmul %a, %b : (tensor<8x64xui8>, tensor<64x16xi8>) -> tensor<8x16xi32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [Statistic<"numFormed", "formed", "contractions that became narrow">];
}

def MoveSignChangesPass : Pass<"tenon-move-sign-changes", "::mlir::func::FuncOp"> {
  let summary = "makes bytes of the sign that contractions read";
  let description = [{
    What `tenon-form-integer-contractions` moves by 128, since an instruction wants bytes of the other sign, is moved where
    floats become bytes: through ops that only move elements, for all readers at once. Results stay the same.

    ```mlir
    %c-128 = tenon.constant dense<-128> : tensor<i32>
    %c-128_f = tenon.constant dense<-1.280000e+02> : tensor<f32>
    %c127_f = tenon.constant dense<1.270000e+02> : tensor<f32>
    %r = tenon.round %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
    %u = tenon.max %r, %c-128_f : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
    %v = tenon.min %u, %c127_f : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
    %q = tenon.cast %v to i8 : (tensor<2x8xf32>) -> tensor<2x8xi8>
    %t = tenon.transpose %q {permutation = array<i64: 1, 0>} : (tensor<2x8xi8>) -> tensor<8x2xi8>
    %w = tenon.cast %t to i32 : (tensor<8x2xi8>) -> tensor<8x2xi32>
    %d = tenon.sub %w, %c-128 : (tensor<8x2xi32>, tensor<i32>) -> tensor<8x2xi32>
    %y = tenon.cast %d to ui8 : (tensor<8x2xi32>) -> tensor<8x2xui8>
    ```

    becomes

    ```mlir
    %c-128_f = tenon.constant dense<-1.280000e+02> : tensor<f32>
    %c127_f = tenon.constant dense<1.270000e+02> : tensor<f32>
    %r = tenon.round %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
    %u = tenon.max %r, %c-128_f : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
    %v = tenon.min %u, %c127_f : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
    %m = tenon.sub %v, %c-128_f : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
    %q = tenon.cast %m to ui8 : (tensor<2x8xf32>) -> tensor<2x8xui8>
    %y = tenon.transpose %q {permutation = array<i64: 1, 0>} : (tensor<2x8xui8>) -> tensor<8x2xui8>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

def TabulateFunctionsPass : Pass<"tenon-tabulate-functions", "::mlir::func::FuncOp"> {
  let summary = "reads functions of a byte from tables";
  let description = [{
    What is computed from one value of at most 256 different integers alone, and is again such a value, is read
    from a table where the target has instructions for that and the function takes more of them. The table
    is the function of all that the value may be, which folds.

    ```mlir
    // tenon-opt --tenon-assign-target=target=icelake-server --tenon-tabulate-functions
    %s = tenon.constant dense<6.250000e-02> : tensor<f32>
    %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
    %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
    %x = tenon.cast %q to f32 : (tensor<32x64xui8>) -> tensor<32x64xf32>
    %0 = tenon.mul %x, %s : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
    %1 = tenon.gelu %0 : (tensor<32x64xf32>) -> tensor<32x64xf32>
    %2 = tenon.div %1, %s : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
    %3 = tenon.round %2 : (tensor<32x64xf32>) -> tensor<32x64xf32>
    %4 = tenon.max %3, %c0 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
    %5 = tenon.min %4, %c255 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
    %y = tenon.cast %5 to ui8 : (tensor<32x64xf32>) -> tensor<32x64xui8>
    ```

    becomes

    ```mlir
    %all = tenon.constant dense<"0x000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"> : tensor<256xui8>
    %x = tenon.cast %all to f32 : (tensor<256xui8>) -> tensor<256xf32>
    %s = tenon.constant dense<6.250000e-02> : tensor<f32>
    %0 = tenon.mul %x, %s : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
    %1 = tenon.gelu %0 : (tensor<256xf32>) -> tensor<256xf32>
    %2 = tenon.div %1, %s : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
    %3 = tenon.round %2 : (tensor<256xf32>) -> tensor<256xf32>
    %low = tenon.constant dense<0.000000e+00> : tensor<f32>
    %4 = tenon.max %3, %low : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
    %high = tenon.constant dense<2.550000e+02> : tensor<f32>
    %5 = tenon.min %4, %high : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
    %table = tenon.cast %5 to ui8 : (tensor<256xf32>) -> tensor<256xui8>
    %y = tenon.gather %table, %q {axis = 0} : (tensor<256xui8>, tensor<32x64xui8>) -> tensor<32x64xui8>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [Statistic<"numTables", "tables", "functions that became tables">];
}

def StoreBytesPass : Pass<"tenon-store-bytes", "::mlir::func::FuncOp"> {
  let summary = "lets several readers of a quantized value read bytes";
  let description = [{
    Before kernels form: floats that are integers within the range of a byte, and read by several
    ops, as they are or dequantized, are narrowed once; each reader widens and dequantizes by itself. So are
    those of a contraction that meet what a later contraction computes, in that one's kernel.
    So kernels exchange bytes.

    ```mlir
    %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
    %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
    %r = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
    %u = tenon.max %r, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %v = tenon.min %u, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %y = tenon.mul %v, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %f = tenon.exp %y : (tensor<8xf32>) -> tensor<8xf32>
    %g = tenon.sqrt %y : (tensor<8xf32>) -> tensor<8xf32>
    ```

    becomes

    ```mlir
    %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
    %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
    %r = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
    %u = tenon.max %r, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %v = tenon.min %u, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %q = tenon.cast %v to ui8 : (tensor<8xf32>) -> tensor<8xui8>
    %v0 = tenon.cast %q to f32 : (tensor<8xui8>) -> tensor<8xf32>
    %y0 = tenon.mul %v0, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %f = tenon.exp %y0 : (tensor<8xf32>) -> tensor<8xf32>
    %v1 = tenon.cast %q to f32 : (tensor<8xui8>) -> tensor<8xf32>
    %y1 = tenon.mul %v1, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %g = tenon.sqrt %y1 : (tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

def SkipBytesPass : Pass<"tenon-skip-bytes", "::tenon::KernelOp"> {
  let summary = "drops the narrowing of values within a kernel";
  let description = [{
    What `tenon-store-bytes` narrowed for readers that are in the same kernel after all.

    ```mlir
    tenon.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
      %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
      %r = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
      %u = tenon.max %r, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %v = tenon.min %u, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %q = tenon.cast %v to ui8 : (tensor<8xf32>) -> tensor<8xui8>
      %w = tenon.cast %q to f32 : (tensor<8xui8>) -> tensor<8xf32>
      %y = tenon.sqrt %w : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %y : tensor<8xf32>
    }
    ```

    becomes

    ```mlir
    tenon.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
      %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
      %r = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
      %u = tenon.max %r, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %v = tenon.min %u, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %y = tenon.sqrt %v : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %y : tensor<8xf32>
    }
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

def RoundLastPass : Pass<"tenon-round-last", "::tenon::KernelOp"> {
  let summary = "clamps what a kernel quantizes before it rounds";
  let description = [{
    What is rounded last becomes an integer in the same instruction, and what is clamped first may be multiplied where
    it was divided, by two numbers, with the same integer for every element (Brisebarre, Muller, Raina, IEEE Transactions on
    Computers 53(8), 2004; checked for each divisor). Results stay the same, if they are numbers.

    ```mlir
    tenon.kernel @k(%x: tensor<8xf32>) -> tensor<8xui8> attributes {strategy = "rows"} {
      %s = tenon.constant dense<3.000000e-01> : tensor<f32>
      %z = tenon.constant dense<1.280000e+02> : tensor<f32>
      %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
      %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
      %0 = tenon.div %x, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %1 = tenon.round %0 : (tensor<8xf32>) -> tensor<8xf32>
      %2 = tenon.add %1, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %3 = tenon.max %2, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %4 = tenon.min %3, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %q = tenon.cast %4 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
      tenon.yield %q : tensor<8xui8>
    }
    ```

    becomes

    ```mlir
    tenon.kernel @k(%x: tensor<8xf32>) -> tensor<8xui8> attributes {strategy = "rows"} {
      %z = tenon.constant dense<128> : tensor<i32>
      %high = tenon.constant dense<3.33333325> : tensor<f32>
      %low = tenon.constant dense<-5.298190e-08> : tensor<f32>
      %most = tenon.constant dense<38.1000023> : tensor<f32>
      %least = tenon.constant dense<-3.840000e+01> : tensor<f32>
      %0 = tenon.max %x, %least : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %1 = tenon.min %0, %most : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %2 = tenon.mul %1, %low : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
      %3 = tenon.fma %1, %high, %2
         : (tensor<8xf32>, tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
      %4 = tenon.round %3 : (tensor<8xf32>) -> tensor<8xf32>
      %5 = tenon.cast %4 to i32 : (tensor<8xf32>) -> tensor<8xi32>
      %6 = tenon.add %5, %z : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
      %q = tenon.cast %6 to ui8 : (tensor<8xi32>) -> tensor<8xui8>
      tenon.yield %q : tensor<8xui8>
    }
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
}

#endif
