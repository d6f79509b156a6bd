"""Where ONNX's reference evaluator is not followed, and why.

`FAULTS` are operators of which it is known to be wrong or to lack a part; they are computed by ONNX Runtime instead.
Behaviour that ONNX leaves open is not listed here: recipes do not draw it (casts of what does not fit, integer
division by zero, shifts by the width and more).
"""

import math

import numpy as np
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)

# operator → why the evaluator is not followed.
FAULTS = {
    "CategoryMapper": "not there",
    "DeformConv": "divides by sizes less 1, and takes two dimensions only",
    "GlobalLpPool": "not there",
    "GlobalMaxPool": "takes channels together",
    "LinearRegressor": "gives NaN for several targets",
    "LpPool": "repeats the last elements where a window reaches beyond them",
    "MaxPool": "finds other indices where nothing is pooled, and other sizes where windows leave gaps",
    "MaxRoiPool": "not there",
    "Multinomial": "does not take what it should",
    "RoiAlign": "takes the largest of weighted corners, and other samples",
    "SVMClassifier": "chooses the second of two classes where all coefficients are positive",
    "Scatter": "not there",
}


# The newest operator set that this ONNX Runtime takes.
NEWEST = 26


def runtime_session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def has_lengths(node):
    """The evaluator's recurrences do not look at sequence_lens."""
    return node.op_type in ("LSTM", "GRU", "RNN") and len(node.input) > 4 and bool(node.input[4])


def has_groups(node):
    """The evaluator's transposed convolution mixes up groups."""
    return node.op_type == "ConvTranspose" and any(a.name == "group" and a.i > 1 for a in node.attribute)


def has_holes(node):
    """The evaluator's convolution multiplies what lies between dilated positions by zero, NaN as well."""
    return node.op_type == "Conv" and any(a.name == "dilations" and max(a.ints) > 1 for a in node.attribute)


class SharedCaches:
    """Runs a node of ONNX Runtime that wants the caches it reads and writes in one memory."""

    def __init__(self, node, model):
        self.session = runtime_session(model)
        # Results by number and the operands that they are written over.
        self.shared = {node.output[1]: node.input[3], node.output[2]: node.input[4]}

    def run(self, _, feeds):
        binding = self.session.io_binding()
        # What is written over is a copy, which must live as long as the value that refers to it.
        copies = {name: np.array(array) for name, array in feeds.items()}
        operands = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in copies.items()}
        for name, value in operands.items():
            binding.bind_ortvalue_input(name, value)
        for output in self.session.get_outputs():
            if output.name in self.shared:
                binding.bind_ortvalue_output(output.name, operands[self.shared[output.name]])
            else:
                binding.bind_output(output.name)
        self.session.run_with_iobinding(binding)
        return [np.array(value.numpy()) for value in binding.get_outputs()]


def evaluator(node, model):
    lacking = has_lengths(node) or has_groups(node) or has_holes(node)
    if node.op_type in FAULTS or node.domain == "com.microsoft" or lacking:
        for opset in model.opset_import:
            opset.version = min(opset.version, NEWEST)
        return SharedCaches(node, model) if node.op_type == "SparseAttention" else runtime_session(model)
    return ReferenceEvaluator(model)


def special(node, opsets):
    """A function (environment → results) for a node that has one here; else None."""
    function = SPECIAL.get(node.op_type)
    if function is None or node.domain:
        return None
    version = next((opset.version for opset in opsets if not opset.domain), 1)
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return lambda env: function([env[name] if name else None for name in node.input], attributes, version)


def _softmax(inputs, attributes, version, form):
    """Before version 13 all dimensions from `axis` on are one; the evaluator knows only the later form."""
    x = inputs[0]
    axis = attributes.get("axis", -1 if version >= 13 else 1) % max(x.ndim, 1)
    rows = np.moveaxis(x, axis, -1) if version >= 13 else x.reshape(int(np.prod(x.shape[:axis])), -1)
    result = form(rows.astype(np.float64) if x.dtype.itemsize > 2 else rows.astype(np.float32)).astype(x.dtype)
    return [np.moveaxis(result, -1, axis) if version >= 13 else result.reshape(x.shape)]


def _log_softmax(rows):
    shifted = rows - rows.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _hardmax(rows):
    return (np.arange(rows.shape[-1]) == rows.argmax(-1)[..., None]).astype(rows.dtype)


def _one_hot(inputs, attributes, version):
    """The evaluator computes off + (on - off), which is not `on` exactly."""
    indices, depth, (off, on) = inputs[0].astype(np.int64), int(np.ravel(inputs[1])[0]), inputs[2]
    hot = np.expand_dims(np.where((indices < 0) & (indices >= -depth), indices + depth, indices), -1) == np.arange(depth)
    axis = attributes.get("axis", -1)
    return [np.moveaxis(np.where(hot, on, off), -1, axis).astype(inputs[2].dtype)]


def _string_normalizer(inputs, attributes, version):
    """The evaluator drops words inside of strings, and the accents of letters."""
    change = {"NONE": str, "LOWER": str.lower, "UPPER": str.upper}[attributes.get("case_change_action", b"NONE").decode()]
    stopwords = {word.decode() for word in attributes.get("stopwords", [])}
    words = [change(word) for word in inputs[0] if word not in stopwords]
    return [np.array(words or [""], object)]


def _batch_norm(inputs, attributes, version):
    """The evaluator's form for versions before 9 forgets epsilon's place."""
    x, *others = inputs
    scale, bias, mean, variance = (a.reshape(-1, *[1] * (x.ndim - 2)) for a in others)
    epsilon = x.dtype.type(attributes.get("epsilon", np.float32(1e-5)))
    return [((x - mean) / np.sqrt(variance + epsilon) * scale + bias).astype(x.dtype)]


def _lp_norm(inputs, attributes, version):
    """The evaluator sums values where it should sum their absolute values."""
    x, p = inputs[0], attributes.get("p", 2)
    norm = np.sum(np.abs(x) ** p, attributes.get("axis", -1), keepdims=True) ** (1 / p)
    return [np.where(norm == 0, 0, x / np.where(norm == 0, 1, norm)).astype(x.dtype)]


def _erf(inputs, attributes, version):
    """The evaluator rounds doubles to floats."""
    x = inputs[0]
    return [np.array([math.erf(value) for value in x.astype(np.float64).flat]).reshape(x.shape).astype(x.dtype)]


def _gelu(inputs, attributes, version):
    """The evaluator rounds doubles to floats."""
    x = inputs[0].astype(np.float64)
    if attributes.get("approximate", b"none") == b"tanh":
        inner = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    else:
        inner = np.array([math.erf(value) for value in (x / math.sqrt(2)).flat]).reshape(x.shape)
    return [(0.5 * x * (1 + inner)).astype(inputs[0].dtype)]


def _gemm(inputs, attributes, version):
    """The evaluator computes integers in floats, too."""
    a, b, *c = inputs
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    alpha, beta = (np.float32(attributes.get(name, 1)).astype(a.dtype) for name in ("alpha", "beta"))
    result = alpha * (a @ b)
    return [(result + beta * c[0] if c and c[0] is not None else result).astype(a.dtype)]


def _lrn(inputs, attributes, version):
    """The evaluator forgets the last channel of a window, and takes four dimensions only."""
    x, size = inputs[0], attributes["size"]
    alpha, beta = (np.float64(np.float32(attributes.get(*item))) for item in (("alpha", 1e-4), ("beta", 0.75)))
    before, squares = (size - 1) // 2, x.astype(np.float64) ** 2
    sums = [squares[:, max(0, c - before) : c - before + size].sum(1) for c in range(x.shape[1])]
    return [(x / (attributes.get("bias", 1.0) + alpha / size * np.stack(sums, 1)) ** beta).astype(x.dtype)]


def _mean_variance(inputs, attributes, version):
    """In f32 the evaluator's sums are inexact, and what is left of them after it subtracts the squared mean more so."""
    x, axes = inputs[0].astype(np.float64), tuple(attributes.get("axes", [0, 2, 3]))
    centered = x - x.mean(axes, keepdims=True)
    return [(centered / (x.std(axes, keepdims=True) + 1e-9)).astype(inputs[0].dtype)]


def _prelu(inputs, attributes, version):
    """The evaluator multiplies what is not taken by zero, and so infinite slopes give NaN."""
    x, slope = inputs
    return [np.where(x < 0, slope * x, x).astype(x.dtype)]


def in_deviations(node, x):
    """The largest elements that a MeanVarianceNormalization centers together, as large as they are in the result."""
    axes = tuple(next((a.ints for a in node.attribute if a.name == "axes"), [0, 2, 3]))
    wide = x.astype(np.float64)
    return np.abs(wide).max(axes, keepdims=True) / (wide.std(axes, keepdims=True) + 1e-9)


# Operators of which the evaluator is wrong, computed here.
SPECIAL = {
    "StringNormalizer": _string_normalizer,
    "Softmax": lambda *args: _softmax(*args, lambda rows: np.exp(_log_softmax(rows))),
    "LogSoftmax": lambda *args: _softmax(*args, _log_softmax),
    "Hardmax": lambda *args: _softmax(*args, _hardmax),
    "Erf": _erf,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "LRN": _lrn,
    "OneHot": _one_hot,
    "BatchNormalization": _batch_norm,
    "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance,
    "PRelu": _prelu,
}
