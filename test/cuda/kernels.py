"""The kernels that bugs are planted in: models of one kernel each, inputs for them, and what they compute.

Sizes are no multiples of tiles, so that edges are there, and small, so that the simulator takes milliseconds. To add one, write
a function with `@kernel` that gives an ONNX model without constants and its results by numpy.
"""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from device import Launch
from onnx import TensorProto, helper, numpy_helper

KERNELS = {}


@dataclass
class Case:
    model: onnx.ModelProto
    inputs: list
    expected: list
    tolerance: float = 1e-4
    blocks: int = 2  # of a launch: results do not depend on it
    steps: int = 1 << 18  # of a block, much more than it takes: a loop that never ends is found in a second
    precision: str = "fp32"
    target: str = "sm_80"
    sizes: list = field(default_factory=list)  # that only a run tells
    schedule: str = ""  # instead of the cost model's


def kernel(build):
    KERNELS[build.__name__] = build
    return build


def model_of(nodes, inputs, outputs):
    """A model whose inputs and outputs are named as given, with the types and sizes of their values."""

    def infos(values):
        return [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in values.items()
        ]

    graph = helper.make_graph(nodes, "kernel", infos(inputs), infos(outputs))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    return model


def case(nodes, inputs, outputs, **options):
    return Case(model_of(nodes, inputs, outputs), list(inputs.values()), list(outputs.values()), **options)


def random(*shape):
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape).astype(np.float32)


def attention_of(q, k, v, mask=None, **options):
    """Of [B, H, S, d] with [B, K, T, d]."""
    wide = [value.astype(np.float64) for value in (q, k, v)]
    keys, values = (np.repeat(value, q.shape[1] // k.shape[1], 1) for value in wide[1:])
    scores = wide[0] @ keys.swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + (0 if mask is None else mask)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    y = powers / powers.sum(-1, keepdims=True) @ values
    inputs = {"q": q, "k": k, "v": v} | ({} if mask is None else {"mask": mask})
    node = helper.make_node("Attention", list(inputs), ["y"])
    made = case([node], inputs, {"y": y.astype(q.dtype)}, blocks=1, **options)
    made.model.opset_import[0].version = 23
    return made


def reduction(operator, x, y, **options):
    """Of the last dimension."""
    made = case([helper.make_node(operator, ["x", "axes"], ["y"], keepdims=1)], {"x": x}, {"y": y}, **options)
    made.model.graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [1], [1]))
    return made


@kernel
def matmul():
    """Tiles of both operands in shared memory."""
    a, b = random(70, 40), random(40, 50)
    return case([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": a, "b": b}, {"y": a @ b})


@kernel
def gemm_few_rows():
    a, b, c = random(3, 45), random(45, 33), random(33)
    y = np.maximum(a @ b + c, 0)
    nodes = [helper.make_node("MatMul", ["a", "b"], ["p"]), helper.make_node("Add", ["p", "c"], ["s"]),
             helper.make_node("Relu", ["s"], ["y"])]
    return case(nodes, {"a": a, "b": b, "c": c}, {"y": y})


def few_rows(depth, columns, **options):
    a, b, c = random(3, depth), random(columns, depth), random(columns)
    return case([helper.make_node("Gemm", ["a", "b", "c"], ["y"], transB=1)], {"a": a, "b": b, "c": c}, {"y": a @ b.T + c}, **options)


@kernel
def gemv():
    """A few rows: warps read columns of weights, side by side."""
    return few_rows(200, 70)


@kernel
def gemv_slices():
    """The warps of a block share the depth, and add up their sums, several times; the last block's columns are not all there."""
    return few_rows(420, 7, blocks=1)


@kernel
def gemm_transposed():
    """Neighbours in memory are neighbours in depth, of both operands."""
    a, b = random(37, 52), random(45, 52)
    return case([helper.make_node("Gemm", ["a", "b"], ["y"], transB=1)], {"a": a, "b": b}, {"y": a @ b.T})


@kernel
def batched():
    a, b = random(3, 18, 24), random(3, 24, 20)
    return case([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": a, "b": b}, {"y": a @ b})


@kernel
def softmax():
    x = random(9, 70)
    e = np.exp(x)
    return case([helper.make_node("Softmax", ["x"], ["y"])], {"x": x}, {"y": e / e.sum(1, keepdims=True)})


@kernel
def layer_norm():
    """A warp folds each row twice, by shuffles."""
    x, scale, bias = random(5, 130), random(130), random(130)
    mean = x.mean(-1, keepdims=True, dtype=np.float64)
    y = (x - mean) / np.sqrt(x.var(-1, keepdims=True, dtype=np.float64) + 1e-5) * scale + bias
    node = helper.make_node("LayerNormalization", ["x", "scale", "bias"], ["y"], epsilon=1e-5)
    return case([node], {"x": x, "scale": scale, "bias": bias}, {"y": y.astype(np.float32)}, blocks=1)


@kernel
def warp_max():
    x = random(40, 100)
    return reduction("ReduceMax", x, x.max(1, keepdims=True))


@kernel
def block_sum():
    """A block folds each row: by shuffles, then through shared memory."""
    x = random(3, 2100)
    y = x.sum(1, keepdims=True, dtype=np.float64).astype(np.float32)
    return reduction("ReduceSum", x, y, blocks=1, tolerance=1e-3)


@kernel
def attention_halves():
    """On matrix units: heads that share keys, two steps of keys, and tails of all sizes."""
    q, k, v = (random(*shape).astype(np.float16) for shape in ((1, 4, 6, 24), (1, 2, 150, 24), (1, 2, 150, 40)))
    return attention_of(q, k, v, tolerance=1e-3)


@kernel
def attention_tf32():
    """A mask is added, and values of 32 bits are read by lines."""
    q, k, v, mask = random(1, 1, 40, 20), random(1, 1, 150, 20), random(1, 1, 150, 36), 2 * random(40, 150)
    return attention_of(q, k, v, mask, tolerance=2e-3, precision="tf32")


@kernel
def attention_through_registers():
    """What is rounded on its way to shared memory."""
    q, k, v = 4 * random(1, 1, 22, 12), random(1, 1, 150, 12), random(1, 1, 150, 20)
    return attention_of(q, k, v, tolerance=2e-3, precision="f16")


def whole_halves(*shape):
    """Small whole numbers, whose sums are exact."""
    return np.random.default_rng(sum(shape)).integers(-4, 5, shape).astype(np.float16)


@kernel
def pipeline():
    """Warps with different roles; the depth is long, so that the ring of stages goes round."""
    a, b = whole_halves(70, 2056), whole_halves(40, 2056)
    y = a.astype(np.float32) @ b.T.astype(np.float32)
    node = helper.make_node("Gemm", ["a", "b"], ["y"], transB=1)
    return case([node], {"a": a, "b": b}, {"y": y.astype(np.float16)}, blocks=3, target="sm_90a")


@kernel
def cluster():
    """Two blocks share columns, through three tiles of theirs, so that phases of both parities are waited for at each place. Rows end in the tile of
    the second block, and columns in its half."""
    a, b = whole_halves(330, 264), whole_halves(30, 264)
    y = a.astype(np.float32) @ b.T.astype(np.float32)
    node = helper.make_node("Gemm", ["a", "b"], ["y"], transB=1)
    schedule = "#cuda.pipeline_schedule<tile_columns = 32, consumers = 1, stages = 2, cluster = 2, mma = <wgmma>>"
    return case([node], {"a": a, "b": b}, {"y": y.astype(np.float16)}, blocks=2, steps=1 << 20,
                target="sm_90a", schedule=schedule)


def pack_two_of_four(weights):
    """Halves [depth, outputs] of which two in four along the depth are zero, as `#cuda.sparse_columns` (SparseColumns.h)."""
    depth, outputs = weights.shape
    blocks, parts = -(-depth // 64), -(-outputs // 16)
    whole = np.zeros((blocks * 64, parts * 16), weights.dtype)
    whole[:depth, :outputs] = weights
    values, places = np.zeros((parts * 16, blocks * 32), weights.dtype), np.zeros((parts, blocks, 32), np.uint32)
    for output, four in np.ndindex(parts * 16, blocks * 16):
        group = whole[4 * four:4 * four + 4, output]
        kept = sorted(np.argsort(group == 0, kind="stable")[:2])
        values[output, 2 * four:2 * four + 2] = group[kept]
        row, column = output % 16, four % 16
        bits = int(kept[0] | kept[1] << 2) << (16 * (row // 8) + 4 * (column % 4))
        places[output // 16, four // 16, 4 * (row % 8) + column // 4] |= np.uint32(bits)
    return np.frombuffer(values.tobytes() + places.tobytes(), weights.dtype)


def sparse_product(rows, depth, columns, **options):
    """Weights without two of each four."""
    a, b = whole_halves(rows, depth), whole_halves(depth, columns)
    fours = b.reshape(depth // 4, 4, columns)
    fours[:, [0, 2], ::2] = 0
    fours[:, [1, 2], 1::2] = 0
    y = a.astype(np.float32) @ b.astype(np.float32)
    made = case([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": a}, {"y": y.astype(np.float16)}, **options)
    made.model.graph.initializer.append(numpy_helper.from_array(b, "b"))
    made.inputs.append(pack_two_of_four(b))
    return made


@kernel
def two_of_four():
    """More of the depth than there are stages, and ends of all kinds."""
    return sparse_product(70, 680, 40)


@kernel
def two_of_four_pipeline():
    """Warps with different roles, which take steps by twos; the ring of stages goes round, and the last step is alone. Nobody
    knows that there are few rows."""
    made = sparse_product(70, 440, 40, blocks=1, target="sm_90a", sizes=[70])
    for value in (*made.model.graph.input, *made.model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "rows"
    return made


def float8_product(rows, depth, columns, **options):
    """Whole numbers and powers of two, whose products and sums are exact."""
    a, b = (whole_halves(*shape).astype(ml_dtypes.float8_e4m3fn) for shape in ((rows, depth), (columns, depth)))
    nodes = [helper.make_node("DequantizeLinear", ["a", "scale"], ["wide_a"]),
             helper.make_node("DequantizeLinear", ["b", "scale"], ["wide_b"]),
             helper.make_node("Gemm", ["wide_a", "wide_b"], ["y"], transB=1)]
    y = a.astype(np.float32) @ b.astype(np.float32).T / 16
    made = case(nodes, {"a": a, "b": b}, {"y": y}, **options)
    made.model.graph.initializer.append(helper.make_tensor("scale", TensorProto.FLOAT, [], [0.25]))
    made.model.opset_import[0].version = 21
    return made


@kernel
def float8():
    """Floats of 8 bits, whose sums are added up beside the matrix units. The last step is in the stage that sums overwrite."""
    return float8_product(37, 528, 45, target="sm_89")


@kernel
def float8_pipeline():
    """Warps with different roles, whose steps are summed up one by one."""
    return float8_product(70, 4112, 40, blocks=3, target="sm_90a")


def emit(tenon, source, case, kind):
    """What the compiler prints of a model, or of kernels in text form, which have their target and precision in them."""
    output = source.with_suffix(".out")
    options = [f"--target=cuda:{case.target}", f"--precision={case.precision}"] if source.suffix == ".onnx" else []
    subprocess.run([tenon, "compile", source, *options, f"--emit={kind}", "-o", output], check=True)
    return output.read_text()


def with_schedule(tenon, source, case):
    """A file of the model's kernel with the case's schedule, and as many blocks as it has."""
    text = emit(tenon, source, case, "mlir:kernels")
    text = re.sub(r"schedule = .*?, strategy", f"schedule = {case.schedule}, strategy", text)
    text = re.sub(r"tasks = affine_map<.*?\(\d+\)>", f"tasks = affine_map<() -> ({case.blocks})>", text)
    changed = source.with_suffix(".mlir")
    changed.write_text(text)
    return changed


def compile_ptx(tenon, case, folder):
    """The PTX of a case's model, which is one kernel, and how that is launched."""
    source = Path(folder) / "model.onnx"
    onnx.save(case.model, source)
    if case.schedule:
        source = with_schedule(tenon, source, case)
    code = emit(tenon, source, case, "mlir:code")
    notes = dict(re.findall(r'\["(tenon-[\w-]+)", "([^"]*)"\]', code))
    maps = [[int(number) for number in text.split(",")] for text in notes.get("tenon-tensor-maps", "").split(";") if text]
    return emit(tenon, source, case, "ptx"), Launch(int(notes.get("tenon-shared-bytes", 0)), maps, case.sizes)
