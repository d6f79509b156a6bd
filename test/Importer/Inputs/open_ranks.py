"""Writes models whose ranks or list lengths only a run tells, to the folder in the first argument."""

import sys
from pathlib import Path

import onnx
import onnx.parser

MODELS = {
    "reshape": "g (float[N] x, int64[L] a) => (float y) { it = Reshape(x, a) y = ReduceSum<keepdims = 0>(it) }",
    "squeeze": "g (float[N, M] x) => (float y) { it = Squeeze(x) y = ReduceSum<keepdims = 0>(it) }",
    "squeeze_one": "g (float[N, 1, M] x) => (float y) { it = Squeeze(x) y = ReduceSum<keepdims = 0>(it) }",
    "reduce": "g (float[N, M] x, int64[L] a) => (float y) { it = ReduceMax<keepdims = 0>(x, a) y = ReduceSum<keepdims = 0>(it) }",
    "gather": "g (float[N, M] x, int64[A, B] i) => (float y) { it = GatherND(x, i) y = ReduceSum<keepdims = 0>(it) }",
    "branches": """g (float[N, M] x, bool c) => (float y) {
        it = If (c) <then_branch = g1 () => (float[A, B] t) { t = Identity(x) },
                     else_branch = g2 () => (float[C] e) { e = ReduceSum<keepdims = 0>(x) }>
        y = ReduceSum<keepdims = 0>(it)
    }""",
    "squeezing": """g (float[N, M] x, bool c) => (float y) {
        it = If (c) <then_branch = g1 () => (t) { one = Constant<value_ints = [1]>() t = Squeeze(x, one) },
                     else_branch = g2 () => (e) { e = Identity(x) }>
        y = ReduceSum<keepdims = 0>(it)
    }""",
    "split": "g (float[N] x, int64[L] a) => (float[A] y, float[B] z) { y, z = Split<axis = 0>(x, a) }",
    "gather_none": "g (float[N] x, int64[M] i) => (float[M] y) { y = Gather(x, i) }",
    "top_k": "g (float[N] x, int64[L] k) => (float[A] y) { y, z = TopK(x, k) }",
    "one_hot": "g (int64[N] x, float[M] v) => (float[N, 4] y) <int64 depth = {4}> { y = OneHot(x, depth, v) }",
    "attention": """g (float[B, H, S, 8] q, float[B, K, T, 8] k, float[B, K, T, 8] v, float[S, M] m) => (float[B, H, S, 8] y) {
        y = Attention(q, k, v, m)
    }""",
}

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
for name, text in MODELS.items():
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 23]> {text}')
    for node in model.graph.node:
        node.name = "it" if node.output[0] in ("it", "y") and node.op_type != "ReduceSum" else "sum"
    onnx.save(model, folder / f"{name}.onnx")
