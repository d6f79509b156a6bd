// RUN: tenon-opt %s --mlir-print-local-scope --tenon-plan-memory --split-input-file | FileCheck %s

// A sequence ends after its last use; the last insertion takes it over.
// CHECK-LABEL: func @chain
//       CHECK:   %[[S:.+]] = tenon.sequence_construct
//       CHECK:   %[[N:.+]] = tenon.sequence_length %[[S]]
//       CHECK:   %[[T:.+]] = tenon.sequence_insert %[[S]], %{{.*}} {consumes}
//   CHECK-NOT:   tenon.release %[[S]]
//       CHECK:   tenon.sequence_length %[[T]]
//  CHECK-NEXT:   tenon.release %[[T]]
func.func @chain(%x: tensor<2xf32>) -> (tensor<i64>, tensor<i64>) {
  %s = tenon.sequence_construct %x : (tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
  %n = tenon.sequence_length %s : (!tenon.sequence<tensor<2xf32>>) -> tensor<i64>
  %t = tenon.sequence_insert %s, %x : (!tenon.sequence<tensor<2xf32>>, tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
  %m = tenon.sequence_length %t : (!tenon.sequence<tensor<2xf32>>) -> tensor<i64>
  return %n, %m : tensor<i64>, tensor<i64>
}

// -----

// Each iteration owns what the loop carries: an insertion in the body takes it over. What the caller
// gave is his.
// CHECK-LABEL: func @append
//       CHECK:   tenon.loop
//       CHECK:   ^{{.*}}(%{{.*}}: tensor<i64>, %[[S:.+]]: !tenon.sequence
//       CHECK:     tenon.sequence_insert %[[S]], %{{.*}} {consumes}
//   CHECK-NOT:   tenon.release
//       CHECK:   return
func.func @append(%n: tensor<i64>, %s: !tenon.sequence<tensor<2xf32>>, %x: tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>> {
  %true = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.loop max(%n : tensor<i64>) carry(%s : !tenon.sequence<tensor<2xf32>>) {
  ^body(%i: tensor<i64>, %c: !tenon.sequence<tensor<2xf32>>):
    %next = tenon.sequence_insert %c, %x : (!tenon.sequence<tensor<2xf32>>, tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
    tenon.yield %true, %next : tensor<i1>, !tenon.sequence<tensor<2xf32>>
  } : !tenon.sequence<tensor<2xf32>>
  return %0 : !tenon.sequence<tensor<2xf32>>
}

// -----

// A tensor that is read lies in the sequence's memory, and keeps it until its last use.
// CHECK-LABEL: func @read
//       CHECK:   %[[S:.+]] = tenon.sequence_construct
//       CHECK:   %[[X:.+]] = tenon.sequence_at %[[S]]
//  CHECK-NEXT:   tenon.release %[[S]]
//       CHECK:   tenon.launch @k(%[[X]])
//  CHECK-NEXT:   tenon.release %[[X]]
func.func @read(%x: tensor<2xf32>, %i: tensor<i64>) -> tensor<2xf32> {
  %s = tenon.sequence_construct %x, %x : (tensor<2xf32>, tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
  %0 = tenon.sequence_at %s, %i : (!tenon.sequence<tensor<2xf32>>, tensor<i64>) -> tensor<2xf32>
  %1 = tenon.launch @k(%0) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
tenon.kernel @k(%x: tensor<2xf32>) -> tensor<2xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<2xf32>) -> tensor<2xf32>
  tenon.yield %0 : tensor<2xf32>
}

// -----

// Branches have what nobody uses behind them: one appends to it, the other gives it on as it is.
// CHECK-LABEL: func @branches
//       CHECK:   tenon.loop
//       CHECK:   ^{{.*}}(%{{.*}}: tensor<i64>, %[[S:.+]]: !tenon.sequence
//       CHECK:     tenon.if
//       CHECK:       tenon.sequence_insert %[[S]], %{{.*}} {consumes}
//       CHECK:     } else {
//  CHECK-NEXT:       tenon.yield %[[S]]
//   CHECK-NOT:   tenon.release
//       CHECK:   return
func.func @branches(%n: tensor<i64>, %c: tensor<i1>, %s: !tenon.sequence<tensor<2xf32>>, %x: tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>> {
  %true = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.loop max(%n : tensor<i64>) carry(%s : !tenon.sequence<tensor<2xf32>>) {
  ^body(%i: tensor<i64>, %q: !tenon.sequence<tensor<2xf32>>):
    %next = tenon.if %c : (tensor<i1>) -> !tenon.sequence<tensor<2xf32>> {
      %more = tenon.sequence_insert %q, %x : (!tenon.sequence<tensor<2xf32>>, tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
      tenon.yield %more : !tenon.sequence<tensor<2xf32>>
    } else {
      tenon.yield %q : !tenon.sequence<tensor<2xf32>>
    }
    tenon.yield %true, %next : tensor<i1>, !tenon.sequence<tensor<2xf32>>
  } : !tenon.sequence<tensor<2xf32>>
  return %0 : !tenon.sequence<tensor<2xf32>>
}

// -----

// A branch that does not use it lets it go first.
// CHECK-LABEL: func @one_branch
//       CHECK:   %[[S:.+]] = tenon.sequence_construct
//       CHECK:   tenon.if
//  CHECK-NEXT:     tenon.sequence_length %[[S]]
//  CHECK-NEXT:     tenon.release %[[S]]
//       CHECK:   } else {
//  CHECK-NEXT:     tenon.release %[[S]]
//  CHECK-NEXT:     tenon.yield
func.func @one_branch(%c: tensor<i1>, %zero: tensor<i64>, %x: tensor<2xf32>) -> tensor<i64> {
  %s = tenon.sequence_construct %x : (tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
  %0 = tenon.if %c : (tensor<i1>) -> tensor<i64> {
    %n = tenon.sequence_length %s : (!tenon.sequence<tensor<2xf32>>) -> tensor<i64>
    tenon.yield %n : tensor<i64>
  } else {
    tenon.yield %zero : tensor<i64>
  }
  return %0 : tensor<i64>
}
