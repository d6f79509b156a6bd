"""Small operators of com.microsoft, most of which ONNX has got since."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe
from .contractions import image
from .normalization import finite

MS = "com.microsoft"


@recipe("Inverse", domain=MS, weight=0.2)
def inverse(g, op):
    n = g.integer(1, 4)
    rows = g.fresh("float32", [g.size(1), *map(g.constant_size, (n, n))], "unit")
    return g.node(op, [g.node("Add", [rows, g.initializer(4 * np.eye(n, dtype=np.float32), pooled=False)])], domain=MS)


@recipe("Pad", domain=MS, weight=0.2)
def pad(g, op):
    x = g.value(["float32"], rank=(1, 3))
    amounts = g.ints([g.integer(0, 2) for _ in range(2 * x.rank)])
    return g.node(op, [x, amounts, g.initializer(np.float32(g.pick([0.0, 1.5])).reshape(1), pooled=False)], domain=MS, mode="constant")


@recipe("Range", domain=MS, weight=0.2)
def range_(g, op):
    type = g.pick(["int32", "int64", "float32"])
    start, count, step = g.integer(-3, 3), g.integer(1, 9), g.integer(1, 3)
    numbers = [np.array(n, type) for n in (start, start + count * step, step)]
    return g.node(op, [g.initializer(n, pooled=False) for n in numbers], domain=MS)


@recipe("Unique", domain=MS, weight=0.2)
def unique(g, op):
    x = g.fresh("float32", [g.size(1)], "small")
    return g.node(op, [x], outputs=3, domain=MS)


@recipe("GridSample", domain=MS, weight=0.2)
def grid_sample(g, op):
    x = image(g, ["float32"], spatial=2)
    if not finite(x) or any(min(size) < 1 for size in x.shape):
        raise Reject("no images")
    grid = g.fresh("float32", [x.shape[0], g.constant_size(2), g.constant_size(3), g.constant_size(2)], "unit")
    return g.node(op, [x, grid], domain=MS, mode=g.pick(["bilinear", "nearest"]), align_corners=g.integer(0, 1),
                  padding_mode=g.pick(["zeros", "border", "reflection"]))


@recipe("Tokenizer", domain=MS, weight=0.2)
def tokenizer(g, op):
    x = g.value([values.STRING], rank=(1, 2), where=lambda v: all(min(size) > 0 for size in v.shape))
    how = g.pick([{"separators": [" ", ","]}, {"separators": [""]}, {"tokenexp": "[a-z]+"}])
    least = 1 if how.get("separators") == [""] else g.integer(1, 2)
    return g.node(op, [x], domain=MS, mark=g.integer(0, 1), pad_value="#", mincharnum=least, **how)
