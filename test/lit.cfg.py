"""How lit runs Tenon's tests: which files are tests, which programs they may name, what this machine can do.

Tests mirror the source path: test/passes/Fusion/ checks passes/Fusion. `.mlir` files drive
tenon-opt, `.test` files drive the command line, `.py` files hold no tests of their own (pytest
runs those in python/).
"""

import os
import shutil

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Tenon"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
# unit/ holds GoogleTest programs, the others data.
config.excludes = ["unit", "Inputs", "conformance", "models"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.tenon_obj_root, "test")

llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.tenon_tools_dir, append_path=True)
# What a developer's shell says must not reach a test.
for name in list(config.environment):
    if name.startswith("TENON_"):
        del config.environment[name]

config.substitutions.append(("%python", config.python))
config.substitutions.append(("%root", config.tenon_src_root))
config.substitutions.append(("%build", config.tenon_obj_root))

llvm_config.add_tool_substitutions(
    [
        ToolSubst("tenon-opt", unresolved="fatal"),
        ToolSubst("tenon", unresolved="fatal"),
        ToolSubst("FileCheck", unresolved="fatal"),
        ToolSubst("not", unresolved="fatal"),
        ToolSubst("split-file", unresolved="ignore"),
    ],
    [config.tenon_tools_dir, config.llvm_tools_dir],
)

# Features for REQUIRES: x86 instruction sets that this machine can run, an emulator of other processors, and a simulated GPU.
with open("/proc/cpuinfo") as cpuinfo:
    flags = next((line.split() for line in cpuinfo if line.startswith("flags")), [])
for flag, feature in (("avx2", "avx2"), ("avx512f", "avx512"), ("amx_bf16", "amx")):
    if flag in flags:
        config.available_features.add(feature)
if shutil.which("qemu-aarch64"):
    config.available_features.add("qemu-aarch64")
if os.path.exists(os.path.join(config.tenon_obj_root, "lib", "libtenon_cuda_sim.so")):
    config.available_features.add("cuda-simulator")
if config.tenon_sanitize:
    config.available_features.add("sanitizer")
