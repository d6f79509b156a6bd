"""library_values.py FOLDER: writes the tensors that library-errors.test runs models on."""

import sys
from pathlib import Path

import numpy as np

TENSORS = {
    "three": np.array([1, 2, 3], np.float32),
    "two": np.array([1, 2], np.float32),
    "one_four": np.array([4]),
    "outside": np.array([0, 3]),
}
for name, value in TENSORS.items():
    np.save(Path(sys.argv[1]) / f"{name}.npy", value)
