"""Attention of which only a run tells sizes: heads of queries and keys, their depth, masks that are shorter
than the keys or for all of them, rows of the batch that share a mask."""

import numpy as np

from cases import Case, DataSet


def attend(q, k, v, bias=0.0):
    """Softmax(q k' / sqrt(d) + bias) v, heads of keys repeated; rows without any key give zeros."""
    times = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x.astype(np.float64), times, 1) for x in (k, v))
    scores = q.astype(np.float64) @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[3]) + bias
    largest = scores.max(-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isfinite(largest), largest, 0))
    total = powers.sum(-1, keepdims=True)
    return (powers / np.where(total == 0, 1, total) @ v).astype(np.float32)


def operands(rng, batch, heads, key_heads, queries, keys, depth, width):
    shapes = {"q": (batch, heads, queries, depth), "k": (batch, key_heads, keys, depth), "v": (batch, key_heads, keys, width)}
    return {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}


OPEN = "float[QB, QH, QS, QD] q, float[KB, KH, KT, KD] k, float[VB, VH, VT, VD] v"


def complete(mask, keys):
    """A mask as a bias over all keys: what lies behind its end is masked, unless it has one element."""
    bias = np.where(mask, 0, -np.inf) if mask.dtype == bool else mask.astype(np.float64)
    missing = 0 if bias.shape[-1] == 1 else keys - bias.shape[-1]
    return np.pad(bias, [(0, 0)] * (bias.ndim - 1) + [(0, missing)], constant_values=-np.inf)


def cases():
    rng = np.random.default_rng(0)
    sizes = [(1, 4, 4, 3, 5, 8, 8), (2, 6, 2, 3, 5, 4, 7), (2, 4, 1, 1, 9, 8, 8), (1, 8, 4, 33, 70, 16, 16)]
    data = []
    for numbers in sizes:
        inputs = operands(rng, *numbers)
        data.append(DataSet(inputs, {"y": attend(*inputs.values())}))
    tolerance = {"rtol": 1e-4, "atol": 1e-5}
    node = "y = Attention(q, k, v)"
    yield Case(
        "open_heads",
        "numbers of heads and their sizes differ from run to run",
        f'<ir_version: 10, opset_import: ["": 23]> g ({OPEN}) => (float[B, H, S, E] y) {{ {node} }}',
        data,
        tolerance,
    )
    known = "float[B, 6, S, 8] q, float[B, K, T, 8] k, float[B, K, T, 8] v"
    data = []
    for key_heads in (1, 2, 3, 6):
        inputs = operands(rng, 2, 6, key_heads, 3, 5, 8, 8)
        data.append(DataSet(inputs, {"y": attend(*inputs.values())}))
    yield Case(
        "open_key_heads",
        "six heads of queries share one to six of keys",
        f'<ir_version: 10, opset_import: ["": 23]> g ({known}) => (float[B, 6, S, 8] y) {{ {node} }}',
        data,
        tolerance,
    )
    for element, name in (("float", "mask"), ("bool", "bool_mask")):
        data = []
        for length in (1, 2, 4, 7):
            inputs = operands(rng, 2, 4, 2, 3, 7, 8, 8)
            mask = rng.standard_normal((3, length), dtype=np.float32)
            if element == "bool":
                mask = mask > -0.5
            bias = complete(mask, 7)
            data.append(DataSet({**inputs, "m": mask}, {"y": attend(*inputs.values(), bias)}))
        yield Case(
            f"short_{name}",
            "keys behind the end of the mask are masked; a mask of one element is for all keys",
            f"""<ir_version: 10, opset_import: ["": 23]>
            g ({OPEN}, {element}[MS, MT] m) => (float[B, H, S, E] y) {{ y = Attention(q, k, v, m) }}""",
            data,
            tolerance,
        )
