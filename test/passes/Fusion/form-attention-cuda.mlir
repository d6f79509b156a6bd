// Where the keys of attention are taken in parts, what joins them is the beginning of a kernel with what follows.
// RUN: tenon-opt %s --mlir-print-local-scope --pass-pipeline='builtin.module(tenon-assign-target{target=cuda:sm_80},func.func(tenon-split-sums),tenon-form-kernels,tenon-assign-schedules)' | FileCheck %s

// CHECK-LABEL: func.func @decoder
//       CHECK:   %[[P:.*]] = tenon.launch @attention_only({{.*}} -> tensor<[[N:[0-9]+]]x1x32x1x130xf32>
//       CHECK:   %[[Y:.*]] = tenon.launch @join_attention_mul_cast(%[[P]], %{{.*}}) {{.*}} -> tensor<1x1x32x128xf16>
//       CHECK:   return %[[Y]]
func.func @decoder(%q: tensor<1x32x1x128xf16>, %k: tensor<1x8x4096x128xf16>, %gate: tensor<1x1x32x128xf32>) -> tensor<1x1x32x128xf16> {
  %0 = tenon.attention %q, %k, %k {scale = 1.0, resultOrder = array<i64: 0, 2, 1, 3>}
     : (tensor<1x32x1x128xf16>, tensor<1x8x4096x128xf16>, tensor<1x8x4096x128xf16>) -> tensor<1x1x32x128xf32>
  %1 = tenon.mul %0, %gate : (tensor<1x1x32x128xf32>, tensor<1x1x32x128xf32>) -> tensor<1x1x32x128xf32>
  %2 = tenon.cast %1 to f16 : (tensor<1x1x32x128xf32>) -> tensor<1x1x32x128xf16>
  return %2 : tensor<1x1x32x128xf16>
}

// CHECK-LABEL: tenon.kernel @attention_only
//  CHECK-SAME:   schedule = #cuda.attention_tile_schedule<tile_rows = 16, {{.*}}>, strategy = "attention", tasks = affine_map<() -> ({{[0-9]+}})>
// CHECK-LABEL: tenon.kernel @join_attention_mul_cast
//  CHECK-SAME:   schedule = #cuda.rows_schedule<{{.*}}>, strategy = "rows"
