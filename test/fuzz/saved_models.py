"""Compiled models saved with their data, for a machine that has the processor they are for.

A folder of saved models needs nothing of Tenon where it is checked, only libc and a shell:

  check                runs all, says which failed, and fails if one did
  NAME/model           the executable of `tenon compile --emit=exe`
  NAME/inputs/*.npy    what it takes
  NAME/expected/*.npy  what it must give, to the bit
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np

import tenon

CHECK = Path(__file__).with_name("check-saved")
COMPILER = Path(tenon.__file__).parents[2] / "bin" / "tenon"


class SavedModels:
    """A folder that models are saved to, compiled for `target`."""

    def __init__(self, folder, target):
        self.folder, self.target = Path(folder), target
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECK, self.folder / "check")

    def save(self, name, model, inputs, expected):
        """Compiles an onnx.ModelProto and writes it with dictionaries of arrays."""
        folder = self.folder / name
        for kind, arrays in (("inputs", inputs), ("expected", expected)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for tensor, array in arrays.items():
                np.save(folder / kind / f"{tensor}.npy", np.array(array, order="C"))
        source = folder / "model.onnx"
        source.write_bytes(model.SerializeToString())
        target = ["--target", self.target] if self.target else []
        subprocess.run([COMPILER, "compile", source, "--emit=exe", "-o", folder / "model", *target],
                       check=True)
        source.unlink()
