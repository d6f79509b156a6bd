// From a program to code: functions of loops and vectors, then the LLVM dialect.

#ifndef TENON_PASSES_CODEGEN_PASSES_TD
#define TENON_PASSES_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerHostPass : Pass<"tenon-lower-host", "::mlir::ModuleOp"> {
  let summary = "makes the function that launches kernels code";
  let description = [{
    `main`, whose launches have places, becomes a module `host` with `i32 tenon_run(ptr exec)`,
    which calls the runtime through `exec` (runtime/abi.h). A tensor is a pointer, a symbol an i64.
    A launch names its kernel by the number that it has in the order of the program. The pass asks
    kernels into how many tasks a launch is divided, and so runs before they are code.

    Without somebody to place them among a model's weights, constants lie one behind another.

    What is dead is left out in the example:

    ```mlir
    // tenon-opt --tenon-lower-host --canonicalize --cse
    func.func @main(%x: tensor<4xf32>) {
      %0 = tenon.launch @neg(%x) {placement = [#tenon.arena<0>]} : (tensor<4xf32>) -> tensor<4xf32>
      return
    }
    tenon.kernel @neg(%a: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
      %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
      tenon.yield %0 : tensor<4xf32>
    }
    ```

    becomes

    ```mlir
    module @host {
      llvm.func @tenon_run(%exec: !llvm.ptr) -> i32 {
        %c0_i32 = arith.constant 0 : i32
        %c0_i64 = arith.constant 0 : i64
        %c1_i64 = arith.constant 1 : i64
        %c3_i64 = arith.constant 3 : i64
        %0 = llvm.alloca %c3_i64 x i64 {alignment = 8 : i64} : (i64) -> !llvm.ptr
        llvm.br ^bb1
      ^bb1:  // pred: ^bb0
        %1 = llvm.getelementptr %exec[16] : (!llvm.ptr) -> !llvm.ptr, i8
        %2 = llvm.load %1 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
        %3 = llvm.load %exec {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
        %4 = llvm.load %3 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
        llvm.store %4, %0 {alignment = 8 : i64} : !llvm.ptr, !llvm.ptr
        %5 = llvm.getelementptr %0[1] : (!llvm.ptr) -> !llvm.ptr, i64
        llvm.store %2, %5 {alignment = 8 : i64} : !llvm.ptr, !llvm.ptr
        %6 = llvm.getelementptr %exec[32] : (!llvm.ptr) -> !llvm.ptr, i8
        %7 = llvm.load %6 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
        llvm.call %7(%exec, %c0_i64, %0, %c1_i64) :
            !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr, i64) -> ()
        llvm.return %c0_i32 : i32
      }
    }
    tenon.kernel @neg(%a: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
      %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
      tenon.yield %0 : tensor<4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
}

def GenerateKernelsPass : Pass<"tenon-generate-kernels", "::mlir::ModuleOp"> {
  let summary = "makes kernels functions of loops and vectors";
  let description = [{
    The strategy that a kernel names writes its function as the kernel's schedule says, from `scf`,
    `arith`, `math`, `vector` and `llvm` ops on bare pointers, into a module of the kernel's name for
    the program's target. Each module is compiled by itself: nothing in it refers to another.

    What is dead is left out in the example:

    ```mlir
    // tenon-opt --tenon-generate-kernels --canonicalize --cse
    module attributes {tenon.target = #cpu.target<name = "x86-64-v3">} {
      tenon.kernel @sum(%x: tensor<16x64xf32>) -> tensor<16x1xf32>
          attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
        %0 = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<16x64xf32>) -> tensor<16x1xf32>
        tenon.yield %0 : tensor<16x1xf32>
      }
    }
    ```

    becomes

    ```mlir
    module attributes {tenon.target = #cpu.target<name = "x86-64-v3">} {
      module @sum attributes {tenon.target = #cpu.target<name = "x86-64-v3">} {
        llvm.func internal @sum.body(%x: !llvm.ptr {llvm.noalias}, %y: !llvm.ptr {llvm.noalias},
                                      %task: i64, %tasks: i64) {
          %c32_i64 = arith.constant 32 : i64
          %c64_i64 = arith.constant 64 : i64
          %cst = arith.constant dense<0.000000e+00> : vector<32xf32>
          %c0_i64 = arith.constant 0 : i64
          %c1_i64 = arith.constant 1 : i64
          %c16_i64 = arith.constant 16 : i64
          %0 = arith.muli %task, %c16_i64 : i64
          %1 = arith.divui %0, %tasks : i64
          %2 = arith.addi %task, %c1_i64 : i64
          %3 = arith.muli %2, %c16_i64 : i64
          %4 = arith.divui %3, %tasks : i64
          scf.for %row = %1 to %4 step %c1_i64 : i64 {
            %5 = scf.for %column = %c0_i64 to %c64_i64 step %c32_i64
                iter_args(%sums = %cst) -> (vector<32xf32>) : i64 {
              %8 = arith.muli %row, %c64_i64 : i64
              %9 = arith.addi %8, %column : i64
              %10 = llvm.getelementptr %x[%9] : (!llvm.ptr, i64) -> !llvm.ptr, f32
              %11 = llvm.load %10 {alignment = 4 : i64} : !llvm.ptr -> vector<32xf32>
              %12 = arith.addf %sums, %11 : vector<32xf32>
              scf.yield %12 : vector<32xf32>
            }
            %6 = vector.reduction <add>, %5 fastmath<reassoc> : vector<32xf32> into f32
            %7 = llvm.getelementptr %y[%row] : (!llvm.ptr, i64) -> !llvm.ptr, f32
            llvm.store %6, %7 {alignment = 4 : i64} : f32, !llvm.ptr
          }
          llvm.return
        }
        llvm.func @sum(%args: !llvm.ptr, %task: i64, %tasks: i64) {
          %0 = llvm.load %args {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
          %1 = llvm.getelementptr %args[1] : (!llvm.ptr) -> !llvm.ptr, i64
          %2 = llvm.load %1 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
          llvm.call @sum.body(%0, %2, %task, %tasks) : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
          llvm.return
        }
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numGenerated", "generated", "Kernels that became functions">];
}

def ExpandMathPass : Pass<"tenon-expand-math", "::mlir::ModuleOp"> {
  let summary = "replaces math ops by arithmetic";
  let description = [{
    Functions of f32 become polynomials and rational functions on whole vectors, those of f16 and
    bf16 by way of f32, those of f64 calls of libm for each lane (docs/numerics.md); minima and
    maxima become comparisons where that is shorter. What is one instruction everywhere stays. The
    module's target may have an instruction of its own for a part of them.

    ```mlir
    llvm.func @power(%x: vector<8xf32>) -> vector<8xf32> {
      %c = arith.constant dense<0.5> : vector<8xf32>
      %0 = math.powf %x, %c : vector<8xf32>
      llvm.return %0 : vector<8xf32>
    }
    llvm.func @double(%x: f64) -> f64 {
      %0 = math.tanh %x : f64
      llvm.return %0 : f64
    }
    ```

    becomes

    ```mlir
    llvm.func @tanh(f64) -> f64
    llvm.func @power(%x: vector<8xf32>) -> vector<8xf32> {
      %cst = arith.constant dense<0xFF800000> : vector<8xf32>
      %0 = arith.cmpf oeq, %x, %cst : vector<8xf32>
      %1 = math.sqrt %x : vector<8xf32>
      %cst_0 = arith.constant dense<0.000000e+00> : vector<8xf32>
      %2 = arith.addf %1, %cst_0 : vector<8xf32>
      %cst_1 = arith.constant dense<0x7F800000> : vector<8xf32>
      %3 = arith.select %0, %cst_1, %2 : vector<8xi1>, vector<8xf32>
      llvm.return %3 : vector<8xf32>
    }
    llvm.func @double(%x: f64) -> f64 {
      %0 = llvm.call @tanh(%x) : (f64) -> f64
      llvm.return %0 : f64
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerKernelsPass : Pass<"tenon-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "converts code to the LLVM dialect";
  let description = [{
    Loops become branches, and arithmetic on scalars and vectors LLVM's. Functions are `llvm.func`
    before and after. Conversions of bf16 are spelled out in integers, for which no back end calls a
    library.

    ```mlir
    llvm.func @add(%x: !llvm.ptr, %y: vector<8xf32>, %n: i64) {
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      scf.for %i = %c0 to %n step %c1 : i64 {
        %0 = llvm.load %x : !llvm.ptr -> vector<8xf32>
        %1 = arith.addf %0, %y : vector<8xf32>
        llvm.store %1, %x : vector<8xf32>, !llvm.ptr
      }
      llvm.return
    }
    ```

    becomes

    ```mlir
    llvm.func @add(%x: !llvm.ptr, %y: vector<8xf32>, %n: i64) {
      %0 = llvm.mlir.constant(0 : i64) : i64
      %1 = llvm.mlir.constant(1 : i64) : i64
      llvm.br ^bb1(%0 : i64)
    ^bb1(%2: i64):
      %3 = llvm.icmp "slt" %2, %n : i64
      llvm.cond_br %3, ^bb2, ^bb3
    ^bb2:
      %4 = llvm.load %x : !llvm.ptr -> vector<8xf32>
      %5 = llvm.fadd %4, %y : vector<8xf32>
      llvm.store %5, %x : vector<8xf32>, !llvm.ptr
      %6 = llvm.add %2, %1 : i64
      llvm.br ^bb1(%6 : i64)
    ^bb3:
      llvm.return
    }
    ```
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

#endif
