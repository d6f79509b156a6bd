"""tenon.compile: turns what a user may pass into what the driver takes."""
import os
import tempfile

from ._runtime import load


class CompileError(ValueError):
    """A model that cannot be compiled; the message names file, node and operator."""


def _targets(target):
    names = target.split(",") if isinstance(target, str) else list(target or [])
    return [name.strip() for name in names if name.strip()]


def _shapes(shapes):
    result = []
    for name, shape in (shapes or {}).items():
        dims = [shape] if isinstance(shape, int) else list(shape)
        for dim in dims:
            if dim is not None and (isinstance(dim, bool) or not isinstance(dim, int)):
                raise TypeError(f"shape of '{name}': expected numbers and None, found {dim!r}")
        result.append((name, dims))
    return result


def _states(states):
    pairs = list((states or {}).items())
    for pair in pairs:
        if not all(isinstance(name, str) for name in pair):
            raise TypeError(f"states: expected names of an input and an output, found {pair!r}")
    return pairs


def _source(model):
    """The path of a model, or its bytes."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return "", bytes(model)
    if hasattr(model, "SerializeToString"):
        return "", model.SerializeToString()
    return os.fspath(model), None


def compile(model, target=None, shapes=None, output=None, *, states=None, quant_exact=False,
            precision="fp32", place="device", keep_dead_channels=False, threads=1, compiler_threads=0):
    """Compiles an ONNX model and returns it loaded, as a Model.

    model: a path, the file's bytes, or an onnx.ModelProto.
    target: one or several of "native" (the default), "x86-64-v3", "x86-64-v4" or LLVM's name of a
        CPU, as a comma separated string or a list, best first; the binary chooses when it is loaded.
    shapes: a dict that fixes shapes: of inputs by name, {"input": (1, 3, 224, 224)}, where None keeps
        a size as it is, or of a named dimension everywhere, {"batch": 1}.
    states: a dict of inputs and the outputs that are their next values, {"h0": "hn"}: one array may be
        both, so that nothing is copied between runs. Their shapes must be equal.
    quant_exact: multiply what the model quantizes as the floats that it stands for, instead of as
        integers (docs/numerics.md).
    precision: what f32 numbers are rounded to where they are multiplied: "fp32" (not at all),
        "fp32-fast" or "fp32-split" (not at all, but with AMX products may be sums of 3 or 6 of bf16), "tf32",
        "bf16", "f16" or "int8" as for tenon compile, or the path of a file with a line "NODES PRECISION" for each node or pattern of names.
    place: what of a model a GPU computes: "device", all that there is GPU code for, or "auto", what takes
        less time there, transfers included; the processor beside it is the first that target names.
    keep_dead_channels: compute channels that no result depends on, too (docs/pruning.md).
    output: where the shared library goes; None keeps no file.
    threads: how many threads a run uses, as in load; compiler_threads is the same for the compiler
        (0: one for each core).

    Raises CompileError, whose message names file, node and operator, if the model is invalid or holds
    what Tenon cannot compile.
    """
    if place not in ("device", "auto"):
        raise ValueError(f"place is 'device' or 'auto', not {place!r}")
    # Here, because this loads LLVM, which running a compiled model does not need.
    from . import _compiler

    path, data = _source(model)

    def build(destination):
        try:
            _compiler.compile(path, data, destination, _targets(target), _shapes(shapes),
                              _states(states), quant_exact, os.fspath(precision), place == "auto",
                              keep_dead_channels, compiler_threads)
        except ValueError as error:
            raise CompileError(str(error)) from None
        return load(destination, threads=threads)

    if output is not None:
        return build(os.fspath(output))
    # The loaded library stays mapped after its file is gone.
    with tempfile.TemporaryDirectory(prefix="tenon-") as folder:
        return build(os.path.join(folder, "model.so"))
