"""What quantized weights take on disk."""
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
WIDTH, LAYERS = 1024, 3


def call(*arguments):
    subprocess.run([str(part) for part in (BUILD / "bin" / "tenon", *arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A chain of matrix products with 12 MB of weights, and its compiled size."""
    rng = np.random.default_rng(1)
    nodes, weights = [], []
    for layer in range(LAYERS):
        name = f"w{layer}"
        weights.append(numpy_helper.from_array(rng.normal(0, 0.03, (WIDTH, WIDTH)).astype(np.float32), name))
        nodes.append(helper.make_node("MatMul", [f"x{layer}", name], [f"y{layer}"]))
        nodes.append(helper.make_node("Relu", [f"y{layer}"], [f"x{layer + 1}"]))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, WIDTH]) for name in ("x0", f"x{LAYERS}")]
    graph = helper.make_graph(nodes, "wide", values[:1], values[1:], weights)
    folder = tmp_path_factory.mktemp("wide")
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), folder / "wide.onnx")
    call("compile", folder / "wide.onnx", "-o", folder / "wide.so")
    return folder / "wide.onnx", (folder / "wide.so").stat().st_size


# Scales are counted: one for 1,024 bytes, and one for 128 codes of 4 bits, which takes 32 bits.
@pytest.mark.parametrize("allow, most", [("int8-weights", 0.26), ("int4-weights", 0.135)])
def test_files_shrink_with_their_weights(wide, tmp_path, allow, most):
    model, compiled = wide
    bare = LAYERS * WIDTH * WIDTH * 4
    for name, before in (("narrow.onnx", bare), ("narrow.so", compiled)):
        call("quantize", model, "--allow", allow, "-o", tmp_path / name)
        assert (tmp_path / name).stat().st_size < most * before, name
