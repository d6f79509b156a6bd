"""Prints a program with one launch that has this many buffers, its result among them."""

import sys

inputs = int(sys.argv[1]) - 1
tensor = "tensor<4xf32>"
arguments = ", ".join(f"%a{i}: {tensor}" for i in range(inputs))
print(f"""func.func @main(%x: {tensor}) -> {tensor}
    attributes {{tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64}} {{
  %0 = tenon.launch @k({", ".join(["%x"] * inputs)}) {{placement = [#tenon.output<0>]}}
     : ({", ".join([tensor] * inputs)}) -> {tensor}
  return %0 : {tensor}
}}
tenon.kernel @k({arguments}) -> {tensor} attributes {{strategy = "rows"}} {{
  tenon.yield %a0 : {tensor}
}}""")
