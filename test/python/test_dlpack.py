"""Arrays of other libraries: memory that is exchanged through DLPack, of the host and of the simulated GPU."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tenon

BUILD = Path(os.environ.get("TENON_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))
MODELS = BUILD / "test" / "unit" / "runtime" / "models"
SIMULATOR = BUILD / "lib" / "libtenon_cuda_sim.so"


class Foreign:
    """What another library's array shows of itself."""

    def __init__(self, array, device=(1, 0)):
        self.array = array
        self.device = device

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


@pytest.fixture
def add():
    path = MODELS / "add.so"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return tenon.load(path)


@pytest.fixture
def xy():
    x = np.arange(1024, dtype=np.float32)
    return x, np.square(x)


def test_inputs_are_read_and_outputs_written_in_place(add, xy):
    x, y = xy
    z = np.zeros(1024, np.float32)
    given = Foreign(z)
    result = add.run([Foreign(x), y], {"z": given})
    assert result["z"] is given
    np.testing.assert_array_equal(z, x + y)


def test_bound_arrays_are_read_in_each_run(add, xy):
    x, y = xy
    bound = add.bind([Foreign(x), Foreign(y)])
    bound()
    x[:] = 7
    np.testing.assert_array_equal(bound()["z"], 7 + y)


def test_results_are_given_to_others(add, xy):
    z = add.run(list(xy))["z"]
    np.testing.assert_array_equal(np.from_dlpack(z), z)


def test_other_types_and_layouts_are_refused(add, xy):
    x, y = xy
    with pytest.raises(TypeError, match="input 'x': expected dtype float32, found DLPack's type 2 of 64 bits"):
        add.run([Foreign(x.astype(np.float64)), y])
    with pytest.raises(ValueError, match="input 'y': expected a C-contiguous array"):
        add.run([x, Foreign(np.zeros(2048, np.float32)[::2])])
    with pytest.raises(ValueError, match="output 'z': expected an array of shape .1024,., found .3,."):
        add.run([x, y], {"z": Foreign(np.zeros(3, np.float32))})
    with pytest.raises(ValueError, match="1023"):
        add.run([Foreign(x[1:]), y])


def test_read_only_arrays_are_inputs(add, xy):
    x, y = xy
    x.flags.writeable = False
    np.testing.assert_array_equal(add.run([Foreign(x), y])["z"], x + y)
    with pytest.raises(ValueError, match="output 'z': the array is read-only"):
        add.run([x, y], {"z": Foreign(x)})


def test_models_of_the_host_leave_nothing_on_a_device(add, xy):
    with pytest.raises(ValueError, match="device"):
        add.run(list(xy), on_device=True)


# In a process of its own, which opens the simulated driver.
ON_DEVICE = """
import gc, sys
import numpy as np, tenon
model = tenon.load(sys.argv[1])
images = np.random.default_rng(1).integers(0, 255, model.inputs[0].shape[1:], np.uint8)[None].repeat(3, 0)
expected = model.run([images])
results = model.run([images], on_device=True)
names = list(expected)
assert all(results[name].__dlpack_device__() == (2, 0) for name in names)
# Later runs leave what is held as it is; it is an input, and the memory of an output, like any other array.
others = model.run([images[:2]], on_device=True)
room = dict(results)
again = model.run([images], outputs=room, on_device=True)
assert all(again[name] is room[name] for name in names)
target = {name: np.empty_like(expected[name]) for name in names}
model.run([images], outputs=target)
copier = tenon.load(sys.argv[2])
for name in names:
    np.testing.assert_array_equal(target[name], expected[name])
read = copier.run([again[names[0]], again[names[1]]])
for name, value in zip(names, read.values()):
    np.testing.assert_array_equal(value, expected[name])
try:
    tenon.load(sys.argv[3]).run([again[names[0]], again[names[1]]])
    raise SystemExit("memory of the device was an input of a model of the host")
except ValueError as error:
    assert "device" in str(error), error
del results, others, again, room
gc.collect()
"""


@pytest.mark.skipif(not SIMULATOR.exists(), reason="there is no simulated GPU")
@pytest.mark.skipif("TENON_SANITIZED" in os.environ, reason="Python does not load what is built with sanitizers")
def test_memory_of_a_gpu_is_read_and_written_where_it_is(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    digits = tenon.load(MODELS / "digits.so")
    values = [helper.make_tensor_value_info(f"i{i}", helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype)),
                                            [str(size) if not isinstance(size, int) else size for size in port.shape])
              for i, port in enumerate(digits.outputs)]
    results = [helper.make_tensor_value_info(f"o{i}", value.type.tensor_type.elem_type, None)
               for i, value in enumerate(values)]
    # Doubled and halved again, so that a kernel reads it.
    nodes = [helper.make_node("Add", [f"i{i}", f"i{i}"], [f"d{i}"]) for i in range(2)]
    nodes += [helper.make_node("Sub", [f"d{i}", f"i{i}"], [f"o{i}"]) for i in range(2)]
    graph = helper.make_graph(nodes, "same", values, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.save(model, tmp_path / "same.onnx")
    paths = []
    for target in ("cuda:sm_80", "cpu:native"):
        paths.append(tmp_path / f"{target[:3]}.so")
        command = [BUILD / "bin" / "tenon", "compile", tmp_path / "same.onnx", f"--target={target}", "-o", paths[-1]]
        subprocess.run(command, check=True)
    environment = {**os.environ, "TENON_CUDA_DRIVER": str(SIMULATOR), "TENON_CUDA_SIM_LEAKS": "1"}
    done = subprocess.run([sys.executable, "-c", ON_DEVICE, MODELS / "digits-cuda.so", *paths], env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "leak" not in done.stderr, done.stderr
