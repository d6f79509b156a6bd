"""Writes a case as a folder for `tenon verify`."""

import shutil

import onnx.printer
from onnx import numpy_helper


def write(folder, case, finding, command):
    """model.onnx, data sets, the model as text, and what was found and how."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    text = onnx.printer.to_text(case.model)
    (folder / "model.txt").write_text(text + "\n")
    (folder / "finding.txt").write_text(f"{finding.kind}: {finding.message}\n{command}\ntenon verify {folder}\n")
    for number, (feeds, expected) in enumerate(zip(case.feeds, case.expected)):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        inputs = [(info.name, feeds[info.name]) for info in case.model.graph.input]
        outputs = [(info.name, expected[info.name][0]) for info in case.model.graph.output]
        for side, arrays in (("input", inputs), ("output", outputs)):
            for i, (name, array) in enumerate(arrays):
                (data / f"{side}_{i}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
    return text
