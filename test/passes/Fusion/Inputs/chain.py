"""Prints a function of so many ops, each of which reads the one before."""

import sys

count, type = int(sys.argv[1]), "tensor<8xf32>"
print(f"func.func @chain(%v0: {type}) -> {type} {{")
for number in range(count):
    print(f"  %v{number + 1} = tenon.neg %v{number} : ({type}) -> {type}")
print(f"  return %v{count} : {type}\n}}")
