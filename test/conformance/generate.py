"""Writes the backend tests of the installed onnx package as folders that `tenon verify` reads.

    generate.py FOLDER

Since 1.23 the wheel no longer carries the operator tests as files, only the Python that makes them.
This runs it and writes FOLDER/<test>/{model.onnx, test_data_set_*/{input,output}_*.pb}, for the
`node` and `simple` kinds; the `pytorch-*` kinds, which do come as files, are linked beside them.
FOLDER/complete holds the package's version and this file; when it is current nothing is done.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
# What the package's own runner allows in bfloat16: two units in the last place.
BFLOAT16_RTOL = 2**-6


def cases():
    """Every generated test. Some draw random inputs when imported: the seed keeps them the same."""
    np.random.seed(0)
    from onnx.backend.test.case.model import collect_testcases
    from onnx.backend.test.loader import load_node_model_tests

    yield from load_node_model_tests()
    yield from (case for case in collect_testcases() if case.kind == "simple")


def from_dict(value, name):
    """A map's protobuf; numpy_helper's takes no strings as keys."""
    proto = onnx.MapProto(name=name)
    strings = any(isinstance(key, str) for key in value)
    proto.key_type = TensorProto.STRING if strings else TensorProto.INT64
    (proto.string_keys if strings else proto.keys).extend(key.encode() if strings else key for key in value)
    proto.values.CopyFrom(numpy_helper.from_list([np.asarray(each) for each in value.values()]))
    return proto


def from_list(value, name):
    """A sequence's protobuf, of tensors or maps."""
    if not any(isinstance(each, dict) for each in value):
        return numpy_helper.from_list(value, name)
    proto = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.MAP)
    proto.map_values.extend(from_dict(each, "") for each in value)
    return proto


def serialize(value, info):
    """A test value as the protobuf that its type in the model's signature asks for."""
    if isinstance(value, TensorProto):
        return value.SerializeToString()
    kind = info.type.WhichOneof("value")
    writers = {
        "map_type": from_dict,
        "sequence_type": from_list,
        "optional_type": numpy_helper.from_optional,
        "tensor_type": numpy_helper.from_array,
    }
    return writers[kind](value, info.name).SerializeToString()


def state():
    """What FOLDER/complete holds when it is current."""
    return f"onnx {onnx.__version__}, {Path(__file__).read_text()}"


def write(case, folder):
    folder.mkdir()
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    if any(info.type.tensor_type.elem_type == TensorProto.BFLOAT16 for info in graph.output):
        (folder / "tolerance.json").write_text(json.dumps({"rtol": BFLOAT16_RTOL}))
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for side, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
            for i, (value, info) in enumerate(zip(values, infos)):
                (data / f"{side}_{i}.pb").write_bytes(serialize(value, info))


def main():
    target = Path(sys.argv[1])
    complete = target / "complete"
    if complete.exists() and complete.read_text() == state():
        return
    warnings.simplefilter("ignore")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    count = 0
    for case in cases():
        write(case, target / case.name)
        count += 1
    for folder in sorted(DATA.glob("pytorch-*/*")):
        (target / folder.name).symlink_to(folder)
        count += 1
    complete.write_text(state())
    print(f"wrote {count} backend tests of onnx {onnx.__version__} to {target}")


if __name__ == "__main__":
    main()
