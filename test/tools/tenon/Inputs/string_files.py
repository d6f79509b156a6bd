"""Writes a model of strings into the folder argv[1], with its inputs as files of every kind, and folders for
`tenon verify`."""

import sys
from pathlib import Path

import numpy as np
import onnx.parser
from onnx import numpy_helper

GREET = """<ir_version: 10, opset_import: ["": 21]>
g (string[n] name) => (string[n] greeting) {
  hello = Constant <value_string = "hello "> ()
  greeting = StringConcat (hello, name)
}"""


def main(folder):
    model = onnx.parser.parse_model(GREET).SerializeToString()
    (folder / "greet.onnx").write_bytes(model)
    names = np.array(["world", "Zoë"])
    np.save(folder / "names.npy", names)
    np.savez(folder / "names.npz", name=names)
    np.save(folder / "numbers.npy", np.array([1, 2]))
    tensor = numpy_helper.from_array(names.astype(object), "name").SerializeToString()
    (folder / "names.pb").write_bytes(tensor)
    for kind, greeting in (("good", "hello "), ("bad", "hello, ")):
        data = folder / kind / "test_data_set_0"
        data.mkdir(parents=True)
        (folder / kind / "model.onnx").write_bytes(model)
        (data / "input_0.pb").write_bytes(tensor)
        expected = np.array([greeting + name for name in names], object)
        (data / "output_0.pb").write_bytes(numpy_helper.from_array(expected, "greeting").SerializeToString())


main(Path(sys.argv[1]))
