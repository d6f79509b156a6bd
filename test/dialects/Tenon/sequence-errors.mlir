// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{a sequence cannot hold '!tenon.sequence<tensor<f32>>'}}
func.func private @nested() -> !tenon.sequence<!tenon.sequence<tensor<f32>>>

// -----

// expected-error @+1 {{an optional cannot hold '!tenon.map<i64, f32>'}}
func.func private @optional_map() -> !tenon.optional<!tenon.map<i64, f32>>

// -----

// expected-error @+1 {{the keys of a map are i64 or !tenon.string, not 'i32'}}
func.func private @keys() -> !tenon.map<i32, f32>

// -----

// expected-error @+1 {{the values of a map are numbers or !tenon.string, not 'tensor<f32>'}}
func.func private @values() -> !tenon.map<i64, tensor<f32>>

// -----

// Symbols are a function's; a type of elements has none.
// expected-error @+1 {{a size that depends on the run is ? in the type of an element}}
func.func private @symbols() -> !tenon.sequence<tensor<?xf32, affine_map<()[s0] -> (s0)>>>

// -----

func.func @construct(%a: tensor<2xf32>, %b: tensor<2xi32>) {
  // expected-error @+1 {{has an element of 'tensor<2xi32>' for '!tenon.sequence<tensor<2xf32>>'}}
  %0 = tenon.sequence_construct %a, %b : (tensor<2xf32>, tensor<2xi32>) -> !tenon.sequence<tensor<2xf32>>
  return
}

// -----

func.func @two(%a: tensor<2xf32>) {
  // expected-error @+1 {{has 2 elements for an optional}}
  %0 = tenon.sequence_construct %a, %a : (tensor<2xf32>, tensor<2xf32>) -> !tenon.optional<tensor<2xf32>>
  return
}

// -----

// A sequence of what may be longer is none of what has two elements.
func.func @narrow(%s: !tenon.sequence<tensor<?xf32>>, %a: tensor<2xf32>) {
  // expected-error @+1 {{gives '!tenon.sequence<tensor<2xf32>>' from '!tenon.sequence<tensor<?xf32>>'}}
  %0 = tenon.sequence_insert %s, %a : (!tenon.sequence<tensor<?xf32>>, tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
  return
}

// -----

func.func @position(%s: !tenon.sequence<tensor<?xf32>>, %i: tensor<2xi64>) {
  // expected-error @+1 {{has a position of 'tensor<2xi64>', not one number}}
  %0 = tenon.sequence_erase %s, %i : (!tenon.sequence<tensor<?xf32>>, tensor<2xi64>) -> !tenon.sequence<tensor<?xf32>>
  return
}

// -----

func.func @size(%s: !tenon.sequence<tensor<?xf32>>, %i: tensor<i64>) {
  // expected-error @+1 {{gives 'tensor<2xf32>' from '!tenon.sequence<tensor<?xf32>>'}}
  %0 = tenon.sequence_at %s, %i : (!tenon.sequence<tensor<?xf32>>, tensor<i64>) -> tensor<2xf32>
  return
}

// -----

func.func @length(%s: !tenon.sequence<tensor<?xf32>>) {
  // expected-error @+1 {{gives tensor<i64>, not 'tensor<1xi64>'}}
  %0 = tenon.sequence_length %s : (!tenon.sequence<tensor<?xf32>>) -> tensor<1xi64>
  return
}

// -----

func.func @axis(%s: !tenon.sequence<tensor<2xf32>>) attributes {tenon.symbols = ["n"]} {
  // expected-error @+1 {{has axis 1 for a result of rank 1}}
  %0 = tenon.sequence_concat %s {axis = 1 : i64} : (!tenon.sequence<tensor<2xf32>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return
}

// -----

func.func @split(%x: tensor<4xf32>, %sizes: tensor<2xi32>) {
  // expected-error @+1 {{has sizes of 'tensor<2xi32>', not of i64}}
  %0 = tenon.sequence_split %x, %sizes {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi32>) -> !tenon.sequence<tensor<?xf32>>
  return
}

// -----

func.func @parts(%x: tensor<4xf32>) {
  // expected-error @+1 {{has an element of 'tensor<1xf32>' for '!tenon.sequence<tensor<2xf32>>'}}
  %0 = tenon.sequence_split %x {axis = 0 : i64} : (tensor<4xf32>) -> !tenon.sequence<tensor<2xf32>>
  return
}

// -----

func.func @entries(%m: !tenon.map<i64, f32>) {
  // expected-error @+1 {{gives keys and values of one unknown length}}
  %keys, %values = tenon.map_entries %m : (!tenon.map<i64, f32>) -> (tensor<2xi64>, tensor<2xf32>)
  return
}

// -----

func.func @table(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has 2 keys for 'tensor<2x3xf32>'}}
  %0 = tenon.zip_map %x {keys = array<i64: 1, 2>} : (tensor<2x3xf32>) -> !tenon.sequence<!tenon.map<i64, f32>>
  return
}

// -----

func.func @branches(%c: tensor<i1>, %s: !tenon.sequence<tensor<2xf32>>, %o: !tenon.optional<tensor<2xf32>>) {
  // expected-error @+1 {{else value 0 has type '!tenon.optional<tensor<2xf32>>' for '!tenon.sequence<tensor<2xf32>>'}}
  %0 = tenon.if %c : (tensor<i1>) -> !tenon.sequence<tensor<2xf32>> {
    tenon.yield %s : !tenon.sequence<tensor<2xf32>>
  } else {
    tenon.yield %o : !tenon.optional<tensor<2xf32>>
  }
  return
}
