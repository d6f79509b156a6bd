"""Writes a small file of each kind that `tenon run` reads into the folder argv[1]: seeds of tenon-tensors-fuzzer."""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

TYPES = ["f4", "f8", "f2", "i1", "i8", "u2", "b1", "c8", "U3", "S2"]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for dtype in TYPES:
        np.save(folder / f"{dtype}.npy", np.zeros((2, 3), dtype))
    np.save(folder / "fortran.npy", np.asfortranarray(np.ones((2, 3), np.float32)))
    np.savez(folder / "stored.npz", x=np.ones(3, np.float32), y=np.ones((), np.int64))
    np.savez_compressed(folder / "packed.npz", x=np.zeros(900, np.float32))
    for dtype in ("f4", "i8", "b1", "c8"):
        array = np.ones((2, 2), dtype)
        (folder / f"{dtype}.pb").write_bytes(numpy_helper.from_array(array, "x").SerializeToString())
    for dtype in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT4, TensorProto.DOUBLE):
        tensor = helper.make_tensor("x", dtype, [4], [0, 1, 2, 3])
        (folder / f"typed-{dtype}.pb").write_bytes(tensor.SerializeToString())
    tensor = helper.make_tensor("x", TensorProto.STRING, [2], [b"one", b"two"])
    (folder / "strings.pb").write_bytes(tensor.SerializeToString())
    pixels = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
    for mode in ("RGB", "L", "RGBA", "P"):
        Image.fromarray(pixels).convert(mode).save(folder / f"{mode}.png")
        Image.fromarray(pixels).convert(mode).save(folder / f"{mode}.bmp")
    for mode in ("RGB", "L", "1"):
        Image.fromarray(pixels).convert(mode).save(folder / f"{mode}.ppm")
    Image.fromarray(pixels).save(folder / "colour.webp")
    Image.fromarray(pixels).save(folder / "colour.jpg")
    Image.fromarray(pixels).convert("L").save(folder / "gray.jpg", progressive=True)


if __name__ == "__main__":
    main()
