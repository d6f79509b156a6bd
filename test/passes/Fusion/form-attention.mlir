// Attention is the root of a kernel of its own, with pointwise ops on its result, and gets a schedule.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v4 --tenon-form-kernels --tenon-assign-schedules | FileCheck %s

// CHECK-LABEL: func @longRows
//       CHECK:   %[[B:.+]] = tenon.launch @add_only
//       CHECK:   tenon.launch @attention_relu(%arg0, %arg1, %arg2, %[[B]])
func.func @longRows(%q: tensor<1x12x128x64xf32>, %k: tensor<1x12x2048x64xf32>, %v: tensor<1x12x2048x64xf32>, %b: tensor<1x1x1x2048xf32>) -> tensor<1x12x128x64xf32> {
  %0 = tenon.add %b, %b : (tensor<1x1x1x2048xf32>, tensor<1x1x1x2048xf32>) -> tensor<1x1x1x2048xf32>
  %1 = tenon.attention %q, %k, %v bias %0 {scale = 1.25e-1}
     : (tensor<1x12x128x64xf32>, tensor<1x12x2048x64xf32>, tensor<1x12x2048x64xf32>, tensor<1x1x1x2048xf32>) -> tensor<1x12x128x64xf32>
  %2 = tenon.relu %1 : (tensor<1x12x128x64xf32>) -> tensor<1x12x128x64xf32>
  return %2 : tensor<1x12x128x64xf32>
}

// One query per head: keys and values are read where they are.
// CHECK-LABEL: func @oneQuery
//       CHECK:   tenon.launch @attention_only
func.func @oneQuery(%q: tensor<1x16x1x64xf32>, %k: tensor<1x4x100x64xf32>, %v: tensor<1x4x100x64xf32>) -> tensor<1x16x1x64xf32> {
  %0 = tenon.attention %q, %k, %v {scale = 1.25e-1}
     : (tensor<1x16x1x64xf32>, tensor<1x4x100x64xf32>, tensor<1x4x100x64xf32>) -> tensor<1x16x1x64xf32>
  return %0 : tensor<1x16x1x64xf32>
}

// CHECK-LABEL: tenon.kernel @attention_relu
//  CHECK-SAME:   schedule = #cpu.attention_schedule<scores = <lanes = 16, tile_rows = {{[0-9]+}}, tile_vectors = 2, {{.*}}>, values = <{{.*}}>, lanes = {{[0-9]+}}, row_block = {{[0-9]+}}, key_block = 512, group_blocks = {{[0-9]+}}, pack_keys = true, pack_values = true>, scratch = affine_map<() -> (338944)>, strategy = "attention"
//       CHECK:   tenon.attention
//       CHECK:   tenon.relu
// CHECK-LABEL: tenon.kernel @attention_only
//  CHECK-SAME:   row_block = 4, key_block = 100
//   CHECK-NOT:   pack_keys
