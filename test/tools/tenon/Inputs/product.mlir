// A program at the end of the stage `kernels`, with a schedule that is not the cost model's.
module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, multiprocessors = 132, shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  func.func @main(%a: tensor<128x64xf16> {tenon.name = "a"}, %b: tensor<32x64xf16> {tenon.name = "b"}) -> (tensor<128x32xf32> {tenon.name = "y"}) attributes {tenon.symbols = []} {
    %0 = tenon.launch @product(%a, %b) : (tensor<128x64xf16>, tensor<32x64xf16>) -> tensor<128x32xf32>
    return %0 : tensor<128x32xf32>
  }
  tenon.kernel @product(%a: tensor<128x64xf16>, %b: tensor<32x64xf16>) -> tensor<128x32xf32> attributes {num_symbols = 0 : i64,
      schedule = #cuda.pipeline_schedule<tile_columns = 32, consumers = 1, stages = 2, cluster = 2, mma = <wgmma>>, strategy = "contraction", tasks = affine_map<() -> (2)>} {
    %0 = tenon.matmul %a, %b {transposeRhs} : (tensor<128x64xf16>, tensor<32x64xf16>) -> tensor<128x32xf32>
    tenon.yield %0 : tensor<128x32xf32>
  }
}
