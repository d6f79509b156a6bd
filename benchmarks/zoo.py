#!/usr/bin/env python3
"""Builds full-size models of well-known architectures with random weights, for speed comparisons.

    zoo.py [--dir FOLDER] [--force] [--quantized] [NAME...]

Each model becomes FOLDER/<name>/ with model.onnx, test_data_set_0/ (inputs, and outputs computed by
ONNX Runtime) and tolerance.json, the layout that `tenon verify` reads. FOLDER is $TENON_ZOO or
~/.cache/tenon/zoo. What exists is kept.

Weights are He-initialised from a fixed seed, and residual branches are scaled down so that
activations stay near unit size through any depth. The graphs are spelled as the usual exporters spell
them: ResNet-50 with batch normalisation folded into its convolutions, MobileNetV2 with it kept, BERT with
the long-hand GELU, ViT with the Gelu operator, Llama with long-hand RMSNorm, RoPE and grouped heads.

Each model has quantized forms, too, as <name>_<form> (see quantized.py): resnet50_qdq_int8. They are built when
they are named or with --quantized. Those with a batch of 32, resnet50_b32, are built when they are named.
"""
import argparse
import json
import math
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import quantized
from comparison.models import matches

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Graph:
    """Collects nodes; every method that adds a node returns its output's name."""

    def __init__(self, name, opset, seed, batch=1):
        self.name, self.opset, self.batch = name, opset, batch
        self.rng = np.random.default_rng(seed)
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []
        self.feeds = {}
        self.constants = {}
        self.counts = Counter()

    def input(self, name, dtype, shape, value):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        self.feeds[name] = value
        return name

    def output(self, value, name, shape, dtype=FLOAT):
        self.op("Identity", value, output=name)
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def op(self, kind, *inputs, output=None, **attributes):
        label = f"{kind}_{self.counts[kind]}"
        self.counts[kind] += 1
        output = output or f"{label}_out"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=label, **attributes))
        return output

    def weight(self, array, name=None):
        name = name or f"w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def constant(self, value, dtype=np.int64):
        """A small constant, shared between its uses."""
        array = np.array(value, dtype)
        key = (array.tobytes(), array.shape, array.dtype.str)
        if key not in self.constants:
            self.constants[key] = self.weight(array, f"c{len(self.constants)}")
        return self.constants[key]

    def normal(self, shape, scale):
        return self.rng.standard_normal(shape, np.float32) * np.float32(scale)

    # ---- layers

    def conv(self, x, cin, cout, kernel, stride=1, groups=1, bias=True, scale=1.0):
        fan_in = cin // groups * kernel * kernel
        w = self.normal((cout, cin // groups, kernel, kernel), scale * math.sqrt(2 / fan_in))
        inputs = [x, self.weight(w)]
        if bias:
            inputs.append(self.weight(self.normal((cout,), 0.1)))
        pad = (kernel - 1) // 2
        return self.op("Conv", *inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                       pads=[pad] * 4, group=groups, dilations=[1, 1])

    def batch_norm(self, x, channels):
        rng = self.rng
        gamma, beta = rng.uniform(0.5, 1.5, channels), rng.normal(0, 0.1, channels)
        mean, variance = rng.normal(0, 0.1, channels), rng.uniform(0.5, 1.5, channels)
        parts = [self.weight(p.astype(np.float32)) for p in (gamma, beta, mean, variance)]
        return self.op("BatchNormalization", x, *parts, epsilon=1e-5)

    def linear(self, x, cin, cout, bias=True, scale=1.0):
        """x @ w + b, as exporters write it for inputs of rank 3."""
        y = self.op("MatMul", x, self.weight(self.normal((cin, cout), scale / math.sqrt(cin))))
        return self.op("Add", y, self.weight(self.normal((cout,), 0.02))) if bias else y

    def gemm(self, x, cin, cout):
        return self.op("Gemm", x, self.weight(self.normal((cout, cin), 1 / math.sqrt(cin))),
                       self.weight(self.normal((cout,), 0.02)), transB=1)

    def layer_norm(self, x, size, epsilon=1e-12):
        gamma, beta = 1 + self.normal((size,), 0.1), self.normal((size,), 0.1)
        return self.op("LayerNormalization", x, self.weight(gamma), self.weight(beta), axis=-1,
                       epsilon=epsilon)

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.constant(shape))

    def transpose(self, x, *perm):
        return self.op("Transpose", x, perm=perm)

    def attention(self, x, tokens, size, heads, mask=None, scale=1.0):
        """Self-attention spelled out, [batch, tokens, size] -> the same."""
        head = size // heads
        q, k, v = (self.reshape(self.linear(x, size, size), self.batch, tokens, heads, head) for _ in range(3))
        q, v = (self.transpose(t, 0, 2, 1, 3) for t in (q, v))
        scores = self.op("MatMul", q, self.transpose(k, 0, 2, 3, 1))
        scores = self.op("Div", scores, self.constant(math.sqrt(head), np.float32))
        if mask:
            scores = self.op("Add", scores, mask)
        context = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        context = self.reshape(self.transpose(context, 0, 2, 1, 3), self.batch, tokens, size)
        return self.linear(context, size, size, scale=scale)

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                 ir_version=9, producer_name="tenon-zoo")


def image(g, size=224):
    shape = (g.batch, 3, size, size)
    return g.input("input", FLOAT, shape, g.normal(shape, 1.0))


def resnet50(batch=1):
    """Version 1.5: the 3x3 convolution of a block has the stride."""
    g = Graph("resnet50", 17, 50, batch)
    x = g.op("Relu", g.conv(image(g), 3, 64, 7, stride=2))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    cin = 64
    for stage, blocks in enumerate([3, 4, 6, 3]):
        mid = 64 << stage
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            y = g.op("Relu", g.conv(x, cin, mid, 1))
            y = g.op("Relu", g.conv(y, mid, mid, 3, stride=stride))
            y = g.conv(y, mid, 4 * mid, 1, scale=0.3)
            if block == 0:
                x = g.conv(x, cin, 4 * mid, 1, stride=stride, scale=0.7)
            x = g.op("Relu", g.op("Add", y, x))
            cin = 4 * mid
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.output(g.gemm(x, 2048, 1000), "logits", [batch, 1000])
    return g


def mobilenet_v2(batch=1):
    g = Graph("mobilenet_v2", 17, 2, batch)

    def conv_bn(x, cin, cout, kernel, stride=1, groups=1, act=True, scale=1.0):
        x = g.conv(x, cin, cout, kernel, stride, groups, bias=False, scale=scale)
        x = g.batch_norm(x, cout)
        if not act:
            return x
        return g.op("Clip", x, g.constant(0, np.float32), g.constant(6, np.float32))

    x = conv_bn(image(g), 3, 32, 3, stride=2)
    cin = 32
    for expand, cout, blocks, first in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                        (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for block in range(blocks):
            stride = first if block == 0 else 1
            y, mid = x, cin * expand
            if expand != 1:
                y = conv_bn(y, cin, mid, 1)
            y = conv_bn(y, mid, mid, 3, stride=stride, groups=mid)
            y = conv_bn(y, mid, cout, 1, act=False, scale=0.7)
            x = g.op("Add", x, y) if stride == 1 and cin == cout else y
            cin = cout
    x = conv_bn(x, cin, 1280, 1)
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.output(g.gemm(x, 1280, 1000), "logits", [batch, 1000])
    return g


def bert_base(batch=1, layers=12, size=768, heads=12, tokens=128, vocab=30522):
    g = Graph("bert_base", 17, 12, batch)
    each = (batch, tokens)
    ids = g.input("input_ids", INT64, each, g.rng.integers(0, vocab, each))
    valid = np.ones(each, np.int64)
    valid[:, tokens - 16:] = 0
    mask = g.input("attention_mask", INT64, each, valid)
    segments = (np.arange(tokens) > tokens // 2).astype(np.int64)[None].repeat(batch, 0)
    types = g.input("token_type_ids", INT64, each, segments)
    # (1 - mask) * lowest float, broadcast over heads and queries
    mask = g.op("Cast", g.op("Unsqueeze", mask, g.constant([1, 2])), to=FLOAT)
    mask = g.op("Mul", g.op("Sub", g.constant(1, np.float32), mask),
                g.constant(np.finfo(np.float32).min, np.float32))
    x = g.op("Add", g.op("Gather", g.weight(g.normal((vocab, size), 1.0)), ids),
             g.op("Gather", g.weight(g.normal((2, size), 0.3)), types))
    x = g.op("Add", x, g.weight(g.normal((1, tokens, size), 0.3)))
    x = g.layer_norm(x, size)
    for _ in range(layers):
        x = g.layer_norm(g.op("Add", g.attention(x, tokens, size, heads, mask), x), size)
        y = g.linear(x, size, 4 * size, scale=math.sqrt(2))
        erf = g.op("Erf", g.op("Div", y, g.constant(math.sqrt(2), np.float32)))
        y = g.op("Mul", y, g.op("Add", erf, g.constant(1, np.float32)))
        y = g.op("Mul", y, g.constant(0.5, np.float32))
        x = g.layer_norm(g.op("Add", g.linear(y, 4 * size, size), x), size)
    g.output(x, "last_hidden_state", [batch, tokens, size])
    first = g.op("Gather", x, g.constant(0), axis=1)
    g.output(g.op("Tanh", g.gemm(first, size, size)), "pooler_output", [batch, size])
    return g


def vit_b16(batch=1, layers=12, size=768, heads=12):
    g = Graph("vit_b16", 20, 16, batch)
    tokens = 14 * 14 + 1
    w, b = g.normal((size, 3, 16, 16), math.sqrt(1 / 768)), g.normal((size,), 0.02)
    x = g.op("Conv", image(g), g.weight(w), g.weight(b), kernel_shape=[16, 16], strides=[16, 16])
    x = g.transpose(g.reshape(x, batch, size, tokens - 1), 0, 2, 1)
    first = g.weight(g.normal((1, 1, size), 1.0))
    if batch > 1:
        first = g.op("Expand", first, g.constant([batch, 1, size]))
    x = g.op("Concat", first, x, axis=1)
    x = g.op("Add", x, g.weight(g.normal((1, tokens, size), 0.2)))
    for _ in range(layers):
        y = g.attention(g.layer_norm(x, size, 1e-6), tokens, size, heads, scale=0.5)
        x = g.op("Add", x, y)
        y = g.linear(g.layer_norm(x, size, 1e-6), size, 4 * size, scale=math.sqrt(2))
        x = g.op("Add", x, g.linear(g.op("Gelu", y), 4 * size, size, scale=0.5))
    x = g.op("Gather", g.layer_norm(x, size, 1e-6), g.constant(0), axis=1)
    g.output(g.gemm(x, size, 1000), "logits", [batch, 1000])
    return g


def llama(name, tokens, past, layers=8, size=1024, heads=16, kv_heads=4, hidden=2816, vocab=8000,
          context=512, batch=1):
    """A decoder that adds `tokens` to `past` cached positions of each text; with tokens == 1 the length of the
    cache is a free dimension."""
    g = Graph(name, 17, 7, batch)
    head, group = size // heads, heads // kv_heads
    half = head // 2
    decode = tokens == 1
    ids = g.input("input_ids", INT64, [batch, tokens], g.rng.integers(0, vocab, (batch, tokens)))
    positions = g.input("position_ids", INT64, [batch, tokens], np.arange(past, past + tokens)[None].repeat(batch, 0))
    angles = np.outer(np.arange(context), 10000.0 ** (-np.arange(half) / half))
    angles = np.concatenate([angles, angles], 1)
    cos, sin = (g.op("Unsqueeze", g.op("Gather", g.weight(f(angles).astype(np.float32)), positions),
                     g.constant([1])) for f in (np.cos, np.sin))

    def rms_norm(x):
        mean = g.op("ReduceMean", g.op("Pow", x, g.constant(2, np.float32)), axes=[-1])
        root = g.op("Sqrt", g.op("Add", mean, g.constant(1e-5, np.float32)))
        x = g.op("Mul", x, g.op("Div", g.constant(1, np.float32), root))
        return g.op("Mul", g.weight(1 + g.normal((size,), 0.1)), x)

    def rotate(x):
        first = g.op("Slice", x, g.constant([0]), g.constant([half]), g.constant([3]))
        second = g.op("Slice", x, g.constant([half]), g.constant([2**63 - 1]), g.constant([3]))
        turned = g.op("Concat", g.op("Neg", second), first, axis=3)
        return g.op("Add", g.op("Mul", x, cos), g.op("Mul", turned, sin))

    def split_heads(x, count):
        return g.transpose(g.reshape(x, batch, tokens, count, head), 0, 2, 1, 3)

    def repeat(x, length):
        """Each key or value head serves `group` query heads."""
        x = g.op("Unsqueeze", x, g.constant([2]))
        if decode:
            shape = g.op("Concat", g.constant([batch, kv_heads, group]), length, g.constant([head]), axis=0)
        else:
            shape = g.constant([batch, kv_heads, group, tokens, head])
        return g.reshape(g.op("Expand", x, shape), batch, heads, -1, head)

    x = g.op("Gather", g.weight(g.normal((vocab, size), 1.0)), ids)
    causal = np.triu(np.full((tokens, tokens), np.finfo(np.float32).min, np.float32), 1)
    for layer in range(layers):
        y = rms_norm(x)
        q = rotate(split_heads(g.linear(y, size, size, bias=False), heads))
        k = rotate(split_heads(g.linear(y, size, kv_heads * head, bias=False), kv_heads))
        v = split_heads(g.linear(y, size, kv_heads * head, bias=False), kv_heads)
        if decode:
            cache = [g.input(f"past_{layer}_{kind}", FLOAT, [batch, kv_heads, "past", head],
                             g.normal((batch, kv_heads, past, head), 1.0)) for kind in ("key", "value")]
            k, v = (g.op("Concat", c, t, axis=2) for c, t in zip(cache, (k, v)))
        total = "total" if decode else tokens
        g.output(k, f"present_{layer}_key", [batch, kv_heads, total, head])
        g.output(v, f"present_{layer}_value", [batch, kv_heads, total, head])
        length = None
        if decode:
            length = g.op("Slice", g.op("Shape", k), g.constant([2]), g.constant([3]))
        scores = g.op("MatMul", q, g.transpose(repeat(k, length), 0, 1, 3, 2))
        scores = g.op("Mul", scores, g.constant(1 / math.sqrt(head), np.float32))
        if not decode:
            scores = g.op("Add", scores, g.constant(causal[None, None], np.float32))
        y = g.op("MatMul", g.op("Softmax", scores, axis=-1), repeat(v, length))
        y = g.reshape(g.transpose(y, 0, 2, 1, 3), batch, tokens, size)
        x = g.op("Add", x, g.linear(y, size, size, bias=False, scale=0.5))
        y = rms_norm(x)
        gate = g.linear(y, size, hidden, bias=False, scale=math.sqrt(2))
        gate = g.op("Mul", gate, g.op("Sigmoid", gate))
        y = g.op("Mul", gate, g.linear(y, size, hidden, bias=False))
        x = g.op("Add", x, g.linear(y, hidden, size, bias=False, scale=0.5))
    g.output(g.linear(rms_norm(x), size, vocab, bias=False), "logits", [batch, tokens, vocab])
    return g


MODELS = {
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "bert_base": bert_base,
    "vit_b16": vit_b16,
    "llama_prefill64": lambda batch=1: llama("llama_prefill64", 64, 0, batch=batch),
    "llama_decode": lambda batch=1: llama("llama_decode", 1, 127, batch=batch),
}
# Name -> model and batch.
BATCHED = {f"{name}_b{batch}": (name, batch) for name in MODELS for batch in (32,)}


CONVOLUTIONAL = ["resnet50", "mobilenet_v2"]
# Name -> model and form.
QUANTIZED = {f"{name}_{form}": (name, form) for name in MODELS for form, how in quantized.FORMS.items()
             if name not in CONVOLUTIONAL or not how.transformers_only}
NAMES = [*MODELS, *BATCHED, *QUANTIZED]


def default_dir():
    return Path(os.environ.get("TENON_ZOO") or Path.home() / ".cache" / "tenon" / "zoo")


def evaluate(model, feeds):
    """Outputs as the model says, without what optimizations may change about them."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def make(graph, form=None):
    """The model, its reference outputs, and what others may differ from them (see docs/cli.md)."""
    model = graph.model()
    results = evaluate(model, graph.feeds)
    if form is None:
        atols = [1e-4 * float(np.abs(value).max()) for value in results]
        return model, results, {"rtol": 1e-3, "max_mismatch_fraction": 0.0, "atol": atols}
    operators = None if graph.name in CONVOLUTIONAL else quantized.MATRIX_OPERATORS
    model = quantized.quantize(model, graph.feeds, quantized.FORMS[form], operators)
    float_results, results = results, evaluate(model, graph.feeds)
    return model, results, quantized.tolerance(quantized.FORMS[form], results, float_results)


def check_outputs(name, infos, results):
    for info, value in zip(infos, results):
        if not 1e-3 < np.abs(value).max() < 1e4 or np.std(value) < 1e-4:
            raise SystemExit(f"{name}: output '{info.name}' is degenerate")


def save_tensor(path, array, name):
    path.write_bytes(numpy_helper.from_array(np.asarray(array, order="C"), name).SerializeToString())


def build(name, folder):
    """Writes FOLDER/name unless it is there; returns its path."""
    target = folder / name
    if (target / "tolerance.json").exists():
        return target
    print(f"building {name}", file=sys.stderr, flush=True)
    base, form = QUANTIZED.get(name, (name, None))
    base, batch = BATCHED.get(base, (base, 1))
    save(MODELS[base](batch), form, target)
    return target


def save(graph, form, target):
    """Writes the folder of one model."""
    model, results, tolerance = make(graph, form)
    check_outputs(target.name, model.graph.output, results)
    data = target / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(model, target / "model.onnx")
    for i, (key, value) in enumerate(graph.feeds.items()):
        save_tensor(data / f"input_{i}.pb", value, key)
    for i, (info, value) in enumerate(zip(model.graph.output, results)):
        save_tensor(data / f"output_{i}.pb", value, info.name)
    # Written last: it marks the folder as complete.
    (target / "tolerance.json").write_text(json.dumps(tolerance) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dir", type=Path, default=default_dir(), help="where the models go")
    parser.add_argument("--force", action="store_true", help="build again what exists")
    parser.add_argument("--quantized", action="store_true", help="without names: the quantized forms, too")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"may have * and ?: {', '.join(MODELS)}, each also with _b32 or one of "
                             + ", ".join(f"_{form}" for form in quantized.FORMS))
    arguments = parser.parse_args()
    wanted = NAMES if arguments.names else [*MODELS, *QUANTIZED] if arguments.quantized else MODELS
    for pattern in arguments.names:
        if not any(matches(name, [pattern]) for name in NAMES):
            parser.error(f"no model is called '{pattern}'; there are {', '.join(NAMES)}")
    for name in wanted:
        if not matches(name, arguments.names):
            continue
        if arguments.force:
            (arguments.dir / name / "tolerance.json").unlink(missing_ok=True)
        print(build(name, arguments.dir))


if __name__ == "__main__":
    main()
