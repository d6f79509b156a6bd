// RUN: tenon-opt %s --tenon-lower-host --split-input-file | FileCheck %s
//
// Numbers behind the pointer that tenon_run gets are fields of tenon_exec, and those behind an object
// of tenon_object (runtime/abi.h): 0 length, 8 elements, 16 data, 24 dims.
// 96 make_tensor, 104 make_sequence, 112 insert, 120 erase, 160 release_object, 168 output_object.

// An element becomes an object, the sequence takes it over, and the output is a copy of that.
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[MAKE_TENSOR:.+]] = llvm.getelementptr %[[EXEC]][96]
//       CHECK:   %[[TENSOR:.+]] = llvm.call %{{.+}}(%[[EXEC]], %{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}) : {{.*}} -> !llvm.ptr
//       CHECK:   llvm.icmp "eq" %[[TENSOR]],
//       CHECK:   llvm.getelementptr %[[EXEC]][104]
//       CHECK:   %[[SEQUENCE:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c1_i64{{.*}}, %{{.+}}) : {{.*}} -> !llvm.ptr
//       CHECK:   llvm.getelementptr %[[EXEC]][168]
//       CHECK:   llvm.call %{{.+}}(%[[EXEC]], %c0_i32{{.*}}, %[[SEQUENCE]]) : {{.*}} -> i32
func.func @main(%x: tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
    attributes {tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  %s = tenon.sequence_construct %x : (tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
  return %s : !tenon.sequence<tensor<2xf32>>
}

// -----

// A position is checked, with a message that names the node; sizes are the element's.
//       CHECK: llvm.mlir.global private constant @message.0("node 'pick' (SequenceAt): position \01 is out of range in a sequence of \01 elements\00")
//       CHECK: llvm.func @tenon_run
//       CHECK:   %[[LENGTH:.+]] = llvm.load %{{.+}} : !llvm.ptr -> i64
//       CHECK:   arith.cmpi slt
//       CHECK:   arith.ori
//       CHECK:   llvm.cond_br
#loc = loc(fused<"SequenceAt">["pick"])
func.func @main(%s: !tenon.sequence<tensor<?xf32>>, %i: tensor<i64>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
    attributes {tenon.symbols = ["n"], tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  %0 = tenon.sequence_at %s, %i : (!tenon.sequence<tensor<?xf32>>, tensor<i64>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> loc(#loc)
  return %0 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// A picture is an object, whose sizes are the tensor's; 216 decode_image. 1 is the format, RGB.
//       CHECK: llvm.mlir.global private constant @message.0("node 'read' (ImageDecoder): \00")
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   llvm.getelementptr %[[EXEC]][216]
//       CHECK:   %[[PIXELS:.+]] = llvm.call %{{.+}}(%[[EXEC]], %{{.+}}, %c9_i64{{.*}}, %c1_i32{{.*}}, %{{.+}}) : {{.*}} -> !llvm.ptr
//       CHECK:   llvm.icmp "eq" %[[PIXELS]],
//       CHECK:   llvm.getelementptr %[[PIXELS]][24]
#loc = loc(fused<"ImageDecoder">["read"])
func.func @main(%bytes: tensor<9xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
    attributes {tenon.symbols = ["h", "w"], tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  %0 = tenon.decode_image rgb %bytes : (tensor<9xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>> loc(#loc)
  return %0 : tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
}
