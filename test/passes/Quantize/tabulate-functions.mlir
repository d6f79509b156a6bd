// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=icelake-server},func.func(tenon-tabulate-functions))' | FileCheck %s --check-prefixes=CHECK,TABLES
// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=neoverse-n1},func.func(tenon-tabulate-functions))' | FileCheck %s --check-prefixes=CHECK,TABLES
// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=cascadelake},func.func(tenon-tabulate-functions))' | FileCheck %s --check-prefixes=CHECK,TABLES
// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-tabulate-functions))' | FileCheck %s --check-prefixes=CHECK,NONE

// A byte that is dequantized, goes through a function and is quantized again: the table is the same ops on all
// values. Processors without instructions for tables compute the function.
// CHECK-LABEL: func @bytes
// TABLES: [[VALUES:%.*]] = tenon.constant dense<"0x{{.*}}"> : tensor<256xui8>
// TABLES: [[X:%.*]] = tenon.cast [[VALUES]] to f32 : (tensor<256xui8>) -> tensor<256xf32>
// TABLES: tenon.gelu {{.*}} : (tensor<256xf32>) -> tensor<256xf32>
// TABLES: [[TABLE:%.*]] = tenon.cast {{.*}} to ui8 : (tensor<256xf32>) -> tensor<256xui8>
// TABLES-NEXT: [[Y:%.*]] = tenon.gather [[TABLE]], %arg0 {axis = 0 : i64} : (tensor<256xui8>, tensor<32x64xui8>) -> tensor<32x64xui8>
// TABLES-NEXT: return [[Y]]
// NONE: tenon.gelu {{.*}} : (tensor<32x64xf32>)
func.func @bytes(%q: tensor<32x64xui8>) -> tensor<32x64xui8> {
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
  return %y : tensor<32x64xui8>
}

// -----

// Floats that are few integers count from the smallest one, before and behind the table. What has several readers
// is a step all the same, if all of them are.
// CHECK-LABEL: func @floats
// TABLES: [[ROUNDED:%.*]] = tenon.round
// TABLES: [[V:%.*]] = tenon.min {{.*}} : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
// TABLES: [[LOW:%.*]] = tenon.constant dense<-1.360000e+02> : tensor<f32>
// TABLES: [[OFFSET:%.*]] = tenon.sub [[V]], [[LOW]] : (tensor<32x64xf32>, tensor<f32>)
// TABLES: [[CODE:%.*]] = tenon.cast [[OFFSET]] to ui8
// TABLES: [[FOUND:%.*]] = tenon.gather {{.*}}, [[CODE]]
// TABLES: [[WIDE:%.*]] = tenon.cast [[FOUND]] to f32
// TABLES: [[FIRST:%.*]] = tenon.constant dense<-1.000000e+01> : tensor<f32>
// TABLES: tenon.add [[WIDE]], [[FIRST]]
// NONE: tenon.sigmoid {{.*}} : (tensor<32x64xf32>)
func.func @floats(%x: tensor<32x64xf32>) -> tensor<32x64xf32> {
  %low = tenon.constant dense<-1.360000e+02> : tensor<f32>
  %high = tenon.constant dense<1.190000e+02> : tensor<f32>
  %least = tenon.constant dense<-1.000000e+01> : tensor<f32>
  %most = tenon.constant dense<2.450000e+02> : tensor<f32>
  %r = tenon.round %x : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %u = tenon.max %r, %low : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %v = tenon.min %u, %high : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %s = tenon.sigmoid %v : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %t = tenon.tanh %s : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %p = tenon.mul %t, %v : (tensor<32x64xf32>, tensor<32x64xf32>) -> tensor<32x64xf32>
  %q = tenon.round %p : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %m = tenon.max %q, %least : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %n = tenon.min %m, %most : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  return %n : tensor<32x64xf32>
}

// -----

// No tables: what takes few instructions, what is not a function of one byte, what others read on the way, and
// tensors that are small themselves.
// CHECK-LABEL: func @others
// CHECK-NOT: tenon.gather
func.func @others(%q: tensor<32x64xui8>, %t: tensor<64xf32>, %few: tensor<8xui8>)
    -> (tensor<32x64xui8>, tensor<32x64xui8>, tensor<32x64xui8>, tensor<32x64xf32>, tensor<8xui8>) {
  %c0 = tenon.constant dense<0.000000e+00> : tensor<f32>
  %c255 = tenon.constant dense<2.550000e+02> : tensor<f32>
  %x = tenon.cast %q to f32 : (tensor<32x64xui8>) -> tensor<32x64xf32>
  %0 = tenon.div %c255, %x : (tensor<f32>, tensor<32x64xf32>) -> tensor<32x64xf32>
  %1 = tenon.round %0 : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %2 = tenon.max %1, %c0 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %3 = tenon.min %2, %c255 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %cheap = tenon.cast %3 to ui8 : (tensor<32x64xf32>) -> tensor<32x64xui8>

  %4 = tenon.mul %x, %t : (tensor<32x64xf32>, tensor<64xf32>) -> tensor<32x64xf32>
  %5 = tenon.sigmoid %4 : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %6 = tenon.round %5 : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %7 = tenon.max %6, %c0 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %8 = tenon.min %7, %c255 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %columns = tenon.cast %8 to ui8 : (tensor<32x64xf32>) -> tensor<32x64xui8>

  %9 = tenon.exp %x : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %10 = tenon.round %9 : (tensor<32x64xf32>) -> tensor<32x64xf32>
  %11 = tenon.max %10, %c0 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %12 = tenon.min %11, %c255 : (tensor<32x64xf32>, tensor<f32>) -> tensor<32x64xf32>
  %shared = tenon.cast %12 to ui8 : (tensor<32x64xf32>) -> tensor<32x64xui8>

  %13 = tenon.cast %few to f32 : (tensor<8xui8>) -> tensor<8xf32>
  %14 = tenon.sigmoid %13 : (tensor<8xf32>) -> tensor<8xf32>
  %15 = tenon.round %14 : (tensor<8xf32>) -> tensor<8xf32>
  %16 = tenon.max %15, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %17 = tenon.min %16, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %small = tenon.cast %17 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  return %cheap, %columns, %shared, %9, %small
      : tensor<32x64xui8>, tensor<32x64xui8>, tensor<32x64xui8>, tensor<32x64xf32>, tensor<8xui8>
}
