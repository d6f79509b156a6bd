"""What a graph must compute: its nodes one by one by ONNX's reference evaluator, in several versions at once.

Version 0 of a value is exact. In the others every inexact step is disturbed by a few units in the last place: the
results of pointwise operators, the operands of sums too. So the versions spread where rounding errors grow
(cancellation, large arguments of a sine) and agree where every implementation must agree. `tolerance` makes
of this how far another implementation may be away, and which elements say nothing.

If, Loop, Scan and SequenceMap are walked here, as their specifications say, so that bodies are disturbed as well.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from . import known, lists, values

VERSIONS = 3
# How many units in the last place a step may be wrong, and how much of the spread is granted.
ULPS = 4
SPREAD = 16

# Operators whose result is exact: data movement, comparison, selection, rounding, and all on integers.
EXACT = set(
    """Abs And ArgMax ArgMin BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil
    CenterCropPad Clip Col2Im Compress Concat Constant ConstantOfShape DepthToSpace Dropout Equal Expand EyeLike
    Flatten Floor Gather GatherElements GatherND GlobalMaxPool Greater GreaterOrEqual Hardmax Identity IsInf IsNaN
    LabelEncoder Less LessOrEqual Max MaxPool MaxRoiPool MaxUnpool Min Neg NonMaxSuppression NonZero Not OneHot Or Pad ReduceMax
    ReduceMin RegexFullMatch Relu Reshape ReverseSequence Round ScatterND ScatterElements Scatter Shape Sign Size Slice SpaceToDepth
    Split Squeeze StringConcat StringNormalizer StringSplit TensorScatter Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor""".split()
)
# Operators that compute an element from one element of each operand.
POINTWISE = set(
    """Acos Acosh Add Asin Asinh Atan Atanh Cos Cosh Div Celu Elu Erf Gelu Exp HardSigmoid HardSwish LeakyRelu Log
    Mish Mod Mul PRelu Pow Reciprocal Selu Shrink Sigmoid Sin Sinh Softplus Softsign Sqrt Sub Swish Tan Tanh
    ThresholdedRelu DequantizeLinear Range""".split()
)
# Sums whose error is relative to the largest result, not to each (transformed convolutions, norms).
COARSE = {"AttnLSTM", "BeamSearch", "Conv", "ConvTranspose", "DFT", "STFT", "Resize", "GridSample", "Det", "LinearAttention", "LSTM", "GRU", "RNN",
          "SoftmaxCrossEntropyLoss", "CDist", "DecoderMaskedMultiHeadAttention", "DeformConv", "FusedConv", "FusedGemm",
          "GroupQueryAttention", "MoE", "QMoE", "SVMClassifier", "SVMRegressor", "TransposeMatMul"}
# Sums of cosines that are 1 at most; what is left of them errs by units of 1.
WINDOWS = {"BlackmanWindow", "HammingWindow", "HannWindow"}
# Functions of one operand that subtract numbers close to each other: errors are relative to operand and 1.
CANCELLING = {"BiasGelu", "Celu", "Elu", "FastGelu", "Gelu", "HardSigmoid", "HardSwish", "LinearAttentionGate",
              "LogSoftmax", "Mish", "QuickGelu", "ScaledSiLU", "Selu"}


class Unknown(Exception):
    """The evaluator has no answer."""


class Disagreement(Unknown):
    """Versions have different shapes: the graph depends on its rounding errors."""


def disturb(array, rng, ulps, underflowed=False):
    """`array`, every element a few units in the last place away, up or down; zeros and infinities stay.

    Halves that are zero become the smallest numbers of their sign if they may have `underflowed`.
    """
    name = values.name_of(array)
    if not values.is_float(name) or name in values.FLOAT8 or not array.size:
        return array
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64)
        signs = rng.choice([-1.0, 1.0], array.shape)
        wide = wide * (1 + signs * ulps * values.epsilon(name))
        if values.is_half(name):
            # Intermediate halves may be kept wider, so those that underflow differ.
            least = float(values.info(name).smallest_normal) / 64
            zeros = np.copysign(least, wide) if underflowed else wide
            wide = np.where(wide == 0, zeros, wide + signs * least)
        result = wide.astype(array.dtype)
        return np.where(np.isfinite(array) & np.isfinite(result), result, array).astype(array.dtype)


def _coarse(array, rng, size=None, cancelled=False):
    """`array`, wrong by some units in the last place of its largest element, or of `size`.

    What may be zero within that error is zero if it is `cancelled`: to divide by it says nothing.
    """
    name = values.name_of(array)
    if not values.is_float(name) or not array.size:
        return array
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64)
        if size is None:
            finite = wide[np.isfinite(wide)]
            size = np.abs(finite).max() if finite.size else 0.0
        error = size * ULPS * values.epsilon(name)
        moved = wide + rng.choice([-1.0, 1.0], array.shape) * error
        return np.where(cancelled & (np.abs(wide) <= error), 0, moved).astype(array.dtype)


def _has_huge(array):
    """Whether squares of elements are infinite, though they are not."""
    if not values.is_float(values.name_of(array)):
        return False
    wide = array.astype(np.float64)
    return bool(np.any(np.isfinite(wide) & (np.abs(wide) > float(values.info(values.name_of(array)).max) ** 0.5)))


def _replace_huge(array, other):
    """Sums that overflow do so depending on the order of their terms, and on whether products are rounded."""
    name = values.name_of(array)
    if not values.is_float(name):
        return array
    wide = array.astype(np.float64)
    # What is left where such terms cancel is large, too.
    return np.where(np.abs(wide) < float(values.info(name).max) ** 0.5, array, other).astype(array.dtype)


def _single(node, inputs, opsets):
    """A model of this node alone, for inputs of these types."""
    names = list(dict.fromkeys(name for name in node.input if name))
    infos = [helper.make_tensor_value_info(name, values.onnx_type(values.name_of(inputs[name])), None) for name in names]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = helper.make_graph([node], "node", infos, outputs)
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _as_array(result):
    """The evaluator has strings of a fixed length here and there."""
    array = np.asarray(result)
    return array.astype(object) if array.dtype.kind == "U" else array


class Node:
    """One node, ready to be computed for any contents of these types."""

    def __init__(self, node, inputs, opsets):
        self.node = node
        self.names = [name for name in node.output if name]
        self.run = known.special(node, opsets)
        if self.run is None:
            model = _single(node, inputs, opsets)
            try:
                evaluator = known.evaluator(node, model)
            except Exception as error:  # Whatever an evaluator throws: it has no answer.
                raise Unknown(f"{node.op_type}: {type(error).__name__}: {error}") from error
            feeds = {name for name in node.input if name}
            self.run = lambda env: evaluator.run(None, {name: env[name] for name in feeds})

    def __call__(self, env):
        try:
            with np.errstate(all="ignore"):
                results = self.run(env)
        except Exception as error:
            raise Unknown(f"{self.node.op_type}: {type(error).__name__}: {error}") from error
        if any(not isinstance(result, (np.ndarray, np.generic, int, float, bool)) for result in results):
            raise Unknown(f"{self.node.op_type}: a result is no tensor")
        return dict(zip(self.names, map(_as_array, results)))


class Oracle:
    """Computes graphs of models with these opset imports."""

    def __init__(self, opsets, seed=0, versions=VERSIONS):
        self.opsets = list(opsets)
        self.rng = np.random.default_rng([seed, 77])
        self.versions = versions
        self.control = {"If": self._if, "Loop": self._loop, "Scan": self._scan, "SequenceMap": self._sequence_map}

    def node(self, node, envs):
        """Adds the outputs of `node` to `envs`, one environment (name → array) per version."""
        if node.op_type in lists.OPERATORS and not node.domain:
            for env in envs:
                env[node.output[0]] = self._list(node, env)
        elif node.op_type in self.control and not node.domain:
            for version, env in enumerate(envs):
                results = self.control[node.op_type](node, env, version)
                env.update({name: value for name, value in zip(node.output, results) if name})
        else:
            computed = Node(node, envs[0], self.opsets)
            for version, env in enumerate(envs):
                env.update(self._disturbed(node, computed, env, version))
        for name in filter(None, node.output):
            if any(lists.describe(env[name]) != lists.describe(envs[0][name]) for env in envs):
                raise Disagreement(f"{node.op_type}: the shape depends on rounding errors")

    def _list(self, node, env):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        try:
            return lists.OPERATORS[node.op_type](*(env[name] for name in node.input), **attributes)
        except (IndexError, ValueError) as error:
            raise Unknown(f"{node.op_type}: {error}") from error

    def _disturbed(self, node, computed, env, version):
        op = node.op_type
        floating = any(values.is_float(values.name_of(env[name])) for name in node.input if name)
        if version == 0 or op in EXACT:
            return computed(env)
        if op not in POINTWISE and floating:
            # The scales of a Resize tell the shape, too.
            rounded = node.input[:1] if op == "Resize" else node.input
            inputs = {name: disturb(env[name], self.rng, 1) for name in rounded if name}
            results = computed({**env, **inputs})
            if any(map(_has_huge, inputs.values())):
                other = -np.inf if version == 1 else 0
                results = {name: _replace_huge(value, other) for name, value in results.items()}
        else:
            results = computed(env)
        cancelled = version == 2
        if op in COARSE:
            results = {name: _coarse(value, self.rng, cancelled=cancelled) for name, value in results.items()}
        if op == "Resize" and env[node.input[0]].dtype == np.float64:
            # The evaluator's weights are of f32, whatever they weigh.
            finite = np.nan_to_num(env[node.input[0]], posinf=0, neginf=0)
            size = np.abs(finite).max(initial=0) * values.epsilon("float32") / values.epsilon("float64")
            results = {name: _coarse(value, self.rng, size) for name, value in results.items()}
        if op in CANCELLING:
            with np.errstate(all="ignore"):
                size = 1 + np.abs(np.nan_to_num(env[node.input[0]].astype(np.float64), posinf=0, neginf=0))
            results = {name: _coarse(value, self.rng, size, cancelled) for name, value in results.items()}
        if op == "MeanVarianceNormalization":
            with np.errstate(all="ignore"):
                size = known.in_deviations(node, env[node.input[0]])
            results = {name: _coarse(value, self.rng, size) for name, value in results.items()}
        if op in WINDOWS:
            results = {name: _coarse(value, self.rng, 1.0) for name, value in results.items()}
        return {name: disturb(value, self.rng, ULPS / 2, op in POINTWISE) for name, value in results.items()}

    def graph(self, graph, env, version):
        """The values of a body's outputs; `env` holds what it captures and its inputs."""
        env = dict(env)
        for initializer in graph.initializer:
            env[initializer.name] = onnx.numpy_helper.to_array(initializer)
        for node in graph.node:
            if node.op_type in self.control:
                results = self.control[node.op_type](node, env, version)
                env.update({name: value for name, value in zip(node.output, results) if name})
            else:
                env.update(self._disturbed(node, Node(node, env, self.opsets), env, version))
        return [env[output.name] for output in graph.output]

    def _if(self, node, env, version):
        attributes = {a.name: a.g for a in node.attribute}
        taken = "then_branch" if bool(env[node.input[0]].reshape(-1)[0]) else "else_branch"
        return self.graph(attributes[taken], env, version)

    def _loop(self, node, env, version):
        body = node.attribute[0].g
        trips = int(env[node.input[0]].reshape(-1)[0]) if node.input[0] else None
        keep = bool(env[node.input[1]].reshape(-1)[0]) if len(node.input) > 1 and node.input[1] else True
        carried = [env[name] for name in node.input[2:]]
        scans = [[] for _ in range(len(body.output) - 1 - len(carried))]
        i = 0
        while keep and (trips is None or i < trips):
            if i > 1000:
                raise Unknown("Loop: no end")
            given = [np.asarray(i, np.int64), np.asarray(keep), *carried]
            inputs = {info.name: value for info, value in zip(body.input, given)}
            keep, *rest = self.graph(body, {**env, **inputs}, version)
            keep = bool(keep.reshape(-1)[0])
            carried = rest[: len(carried)]
            for scan, value in zip(scans, rest[len(carried) :]):
                scan.append(value)
            i += 1
        if any(not scan for scan in scans):
            raise Unknown("Loop: scan output of no iteration")
        return [*carried, *(np.stack(scan) for scan in scans)]

    def _sequence_map(self, node, env, version):
        body = node.attribute[0].g
        operands = [env[name] for name in node.input]
        outputs = [[] for _ in body.output]
        for i in range(len(operands[0])):
            given = [each[i] if isinstance(each, list) else each for each in operands]
            inputs = {info.name: value for info, value in zip(body.input, given)}
            for output, value in zip(outputs, self.graph(body, {**env, **inputs}, version)):
                output.append(value)
        return outputs

    def _scan(self, node, env, version):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        body, count = attributes["body"], attributes["num_scan_inputs"]
        states = [env[name] for name in node.input[: len(node.input) - count]]
        inputs = [env[name] for name in node.input[len(states) :]]
        axes = attributes.get("scan_input_axes", [0] * count)
        reverse = attributes.get("scan_input_directions", [0] * count)
        slices = [np.moveaxis(x, axis, 0) for x, axis in zip(inputs, axes)]
        slices = [x[::-1] if back else x for x, back in zip(slices, reverse)]
        outputs = [[] for _ in range(len(body.output) - len(states))]
        for i in range(len(slices[0])):
            given = [*states, *(x[i] for x in slices)]
            results = self.graph(body, {**env, **{p.name: v for p, v in zip(body.input, given)}}, version)
            states = results[: len(states)]
            for output, value in zip(outputs, results[len(states) :]):
                output.append(value)
        if any(not output for output in outputs):
            raise Unknown("Scan: no iteration")
        back = attributes.get("scan_output_directions", [0] * len(outputs))
        axes = attributes.get("scan_output_axes", [0] * len(outputs))
        stacked = [np.stack(values[::-1] if b else values) for values, b in zip(outputs, back)]
        return [*states, *(np.moveaxis(x, 0, axis) for x, axis in zip(stacked, axes))]


def evaluate(model, feeds, seed=0, versions=VERSIONS):
    """name → list of versions, for every value of the main graph."""
    oracle = Oracle(model.opset_import, seed, versions)
    env = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    env.update(feeds)
    envs = [dict(env) for _ in range(versions)]
    for node in model.graph.node:
        oracle.node(node, envs)
    return {name: [e[name] for e in envs] for name in envs[0]}


def compare(found, versions):
    """None if `found` is right, else in a sentence what is wrong."""
    right = versions[0]
    if found.dtype != right.dtype:
        return f"type {found.dtype}, expected {right.dtype}"
    if found.shape != right.shape:
        return f"shape {list(found.shape)}, expected {list(right.shape)}"
    if not right.size:
        return None
    if not values.is_float(values.name_of(right)):
        stable = np.all([version == right for version in versions], axis=0)
        wrong = stable & (found != right)
        return _describe(found, right, wrong)
    with np.errstate(all="ignore"):
        wide = [version.astype(np.float64) for version in versions]
        got, best = found.astype(np.float64), wide[0]
        finite = np.isfinite(best)
        stable = np.ones(right.shape, bool)
        for version in wide[1:]:
            alike = (np.isnan(version) == np.isnan(best)) & (np.isinf(version) == np.isinf(best))
            stable &= alike & (finite | np.isnan(best) | (version == best))
        spread = np.max([np.abs(version - best) for version in wide], axis=0)
        exact = all(np.array_equal(version, best, equal_nan=True) for version in wide)
        name = values.name_of(right)
        least = float(values.info(name).smallest_normal)
        ulp = np.maximum(np.abs(best), least) * values.epsilon(name)
        # Steps may lose what is smaller than normal numbers.
        allowed = np.where(exact, 0, SPREAD * spread + ULPS * ulp + least)
        # What rounding may carry over the largest number.
        huge = ~np.isfinite(got) & (np.abs(best) + allowed >= float(values.info(name).max)) & (not exact)
        ok = np.where(finite, (np.abs(got - best) <= allowed) | huge, (got == best) | (np.isnan(got) & np.isnan(best)))
        return _describe(found, right, stable & ~ok)


def _describe(found, right, wrong):
    count = int(np.sum(wrong))
    if not count:
        return None
    at = tuple(int(i) for i in np.argwhere(np.atleast_1d(wrong))[0])[: right.ndim]
    return f"{count} of {right.size} elements wrong, at {list(at)} found {found[at]}, expected {right[at]}"
