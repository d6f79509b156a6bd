"""Tenon compiles ONNX models to native code and runs them.

    model = tenon.compile("resnet50.onnx")        # or tenon.load("resnet50.so")
    outputs = model.run({"input": image})         # dict of numpy arrays by output name
"""
from ._budget import BudgetError
from ._compile import CompileError, compile
from ._prune import Pruned, prune
from ._quantize import Quantized, quantize, quantize_each
from ._runtime import Bound, KernelInfo, Model, TensorInfo, load
from ._runtime import runtime_version as _runtime_version

__version__ = _runtime_version()
__all__ = ["Bound", "BudgetError", "CompileError", "KernelInfo", "Model", "Pruned", "Quantized", "TensorInfo", "compile",
           "load", "prune", "quantize", "quantize_each"]
