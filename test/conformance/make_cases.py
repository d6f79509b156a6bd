"""Writes the models of the package `cases` as folders that `tenon verify` reads.

    make_cases.py FOLDER [MODULE...]

Those of all modules, or of some. FOLDER/<module>_<case>/ gets model.onnx, source.txt (what the case is for), tolerance.json where the case
has a tolerance, and test_data_set_*/{input,output}_*.pb.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

from cases import collect
from generate import serialize


def write(name, case, target):
    folder = target / name
    folder.mkdir()
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    (folder / "source.txt").write_text(case.why + "\n")
    if case.tolerance:
        (folder / "tolerance.json").write_text(json.dumps(case.tolerance))
    graph = case.model.graph
    for number, data_set in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for side, values, infos in (
            ("input", data_set.inputs, graph.input),
            ("output", data_set.outputs, graph.output),
        ):
            for i, info in enumerate(infos):
                (data / f"{side}_{i}.pb").write_bytes(serialize(values[info.name], info))


def main():
    warnings.simplefilter("ignore")
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    count = 0
    for name, case in collect(sys.argv[2:]):
        write(name, case, target)
        count += 1
    print(f"wrote {count} cases to {target}")


if __name__ == "__main__":
    main()
