"""Functions between two steps through bytes, which are tables where processors look bytes up quickly."""

from math import erf

import numpy as np

from cases import Case, DataSet

# The nodes from v to f, and the function in numpy.
FUNCTIONS = {
    "gelu": ("f = Gelu (v)", lambda v: v / 2 * (1 + np.vectorize(erf)(v / np.sqrt(2)))),
    "silu": ("g = Sigmoid (v) f = Mul (g, v)", lambda v: v / (1 + np.exp(-v))),
    "exp_tanh": ("g = Exp (v) f = Tanh (g)", lambda v: np.tanh(np.exp(v))),
}
TYPES = {"uint8": (np.uint8, 0, 255), "int8": (np.int8, -128, 127)}


def find_scale(values, zero, low, high):
    """A scale by which no value is near the middle between two integers, where functions of floats may round either
    way."""
    for scale in np.linspace(0.02, 0.05, 200).astype(np.float32):
        quotients = np.clip(values / np.float64(scale) + zero, low, high)
        if np.abs(quotients - np.floor(quotients) - 0.5).min() > 1e-3:
            return scale
    raise ValueError("every scale has ties")


def bytes_to_bytes(name, before, after, shape, is_dynamic=False, layout=("y = Identity (r)", lambda y: y)):
    """x is quantized, goes through the function, and is quantized again: all that a byte may be occurs. `layout`: the
    nodes from r, the result of bytes, to y, and what they do."""
    rng = np.random.default_rng(len(name) + len(shape))
    nodes, function = FUNCTIONS[name]
    (x_type, x_low, x_high), (y_type, y_low, y_high) = TYPES[before], TYPES[after]
    scale, x_zero, y_zero = np.float32(0.04), x_low + 120, y_low + 30
    codes = rng.permutation(np.resize(np.arange(x_low, x_high + 1), int(np.prod(shape)))).reshape(shape)
    values = (codes - x_zero) * np.float64(scale)
    y_scale = find_scale(function((np.arange(x_low, x_high + 1) - x_zero) * np.float64(scale)), y_zero, y_low, y_high)
    y = np.clip(np.rint(function(values) / np.float64(y_scale)) + y_zero, y_low, y_high).astype(y_type)
    layout, arrange = layout
    result = arrange(y)
    dims = "N, M" if is_dynamic else ", ".join(map(str, shape))
    y_dims = ", ".join("?" if is_dynamic else str(size) for size in result.shape)
    model = f"""
        g (float[{dims}] x) => ({after}[{y_dims}] y)
        <float sx = {{{scale:.9g}}}, {before} zx = {{{x_zero}}}, float sy = {{{y_scale:.9g}}}, {after} zy = {{{y_zero}}}> {{
            q = QuantizeLinear (x, sx, zx)
            v = DequantizeLinear (q, sx, zx)
            {nodes}
            r = QuantizeLinear (f, sy, zy)
            {layout}
        }}"""
    return model, DataSet({"x": values.astype(np.float32)}, {"y": result})


def cases():
    for name in FUNCTIONS:
        for before, after in (("uint8", "uint8"), ("int8", "uint8"), ("uint8", "int8")):
            model, data = bytes_to_bytes(name, before, after, (3, 691))
            yield Case(f"{name}_{before}_to_{after}", "Every value of a byte, with a rest of a vector.", model, [data])
    model, data = bytes_to_bytes("gelu", "int8", "int8", (5, 407), is_dynamic=True)
    yield Case("sizes_of_a_run", "Rows whose length only a run tells.", model, [data])
    turned = ("y = Transpose <perm = [1, 0]> (r)", lambda y: y.T)
    model, data = bytes_to_bytes("silu", "uint8", "uint8", (40, 53), layout=turned)
    yield Case("turned", "The function is computed on tiles that are turned.", model, [data])
    both = ("y = Concat <axis = 0> (r, q)", lambda y: y)
    model, data = bytes_to_bytes("gelu", "uint8", "uint8", (40, 53), layout=both)
    codes = np.rint(data.inputs["x"] / np.float32(0.04)).astype(np.int64) + 120
    joined = np.concatenate([data.outputs["y"], codes.astype(np.uint8)])
    model = model.replace("(uint8[40, 53] y)", "(uint8[80, 53] y)")
    yield Case("joined", "The result is part of a larger tensor.", model, [DataSet(data.inputs, {"y": joined})])
