"""Inputs for open models, as many as are asked for: what quantization is calibrated with and judged by.

A model is a folder with model.onnx and test_data_set_*/input_*.pb, from which types and ranges are taken.

Pictures (inputs of 1 or 3 channels) are crops of the photographs that come with scikit-learn and scikit-image, and
scikit-learn's digits where there is one channel of up to 32 pixels. There is nothing natural at hand for
other inputs. They are made of the stored ones, each sample another one: numbers are scaled and have noise added (none becomes
negative where none is), signals (of 256 positions or more) are shifted, and indices are drawn anew from the range that they
have. Masks, positions, single numbers and states that are zero stay.
"""
import warnings

import numpy as np
import onnx
from onnx import numpy_helper


def photographs():
    from sklearn.datasets import load_sample_images
    pictures = list(load_sample_images().images)
    try:
        from skimage import data
        pictures += [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.retina()[400:1000, 400:1000],
                     data.immunohistochemistry(), data.hubble_deep_field()]
    except ImportError:
        warnings.warn("there is no scikit-image: crops are of two photographs instead of nine", stacklevel=2)
    return pictures


def resize(picture, height, width):
    from PIL import Image
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.BILINEAR), np.float32)


def crops(count, seed):
    """Parts of photographs of different sizes, as large as a third of them at least."""
    pictures = photographs()
    rng = np.random.default_rng(seed)
    for i in range(count):
        picture = pictures[i % len(pictures)]
        size = int(min(picture.shape[:2]) * rng.uniform(0.34, 1))
        y = rng.integers(0, picture.shape[0] - size + 1)
        x = rng.integers(0, picture.shape[1] - size + 1)
        yield picture[y:y + size, x:x + size]


def digits(count, seed):
    """Other ones for each seed below 10, as far as there are enough."""
    from sklearn.datasets import load_digits
    images = np.random.default_rng(0).permutation(np.minimum(load_digits().images * 16, 255).astype(np.uint8))
    for i in range(count):
        yield np.repeat(images[(i + seed * len(images) // 10) % len(images)][..., None], 3, 2)


def read_stored(folder, model):
    """The inputs of the first data set, by their names."""
    initializers = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in initializers]
    return {name: numpy_helper.to_array(onnx.TensorProto.FromString(
        (folder / "test_data_set_0" / f"input_{i}.pb").read_bytes())) for i, name in enumerate(names)}


class Pictures:
    """For a model of one input [N,C,H,W] or [N,H,W,C] of 1 or 3 channels."""

    kind = "pictures"

    def __init__(self, name, stored):
        self.name, self.shape, self.dtype = name, stored.shape, stored.dtype
        self.low, self.high = (0, 255) if stored.dtype == np.uint8 else (stored.min(), stored.max())
        self.channels_last = self.shape[3] in (1, 3) and self.shape[1] not in (1, 3)

    @staticmethod
    def fits(stored):
        return stored.ndim == 4 and stored.dtype in (np.float32, np.float16, np.uint8) and \
            (stored.shape[1] in (1, 3) or stored.shape[3] in (1, 3)) and min(sorted(stored.shape)[2:]) >= 8

    def make(self, count, seed):
        height, width = self.shape[1:3] if self.channels_last else self.shape[2:4]
        channels = self.shape[3 if self.channels_last else 1]
        is_small = channels == 1 and height <= 32
        for picture in digits(count, seed) if is_small else crops(count, seed):
            pixels = resize(picture, height, width) / 255
            if channels == 1:
                pixels = pixels.mean(2, keepdims=True)
            pixels = pixels * (self.high - self.low) + self.low
            if not self.channels_last:
                pixels = pixels.transpose(2, 0, 1)
            yield {self.name: np.ascontiguousarray(np.broadcast_to(pixels, self.shape), dtype=self.dtype)}


class Variations:
    """For all other models."""

    kind = "variations"

    def __init__(self, stored):
        self.stored = stored

    def make(self, count, seed):
        rng = np.random.default_rng(seed)
        for _ in range(count):
            yield {name: self.vary(array, rng) for name, array in self.stored.items()}

    @staticmethod
    def vary(array, rng):
        if array.dtype.kind not in "fiu" or array.size < 2 or array.min() == array.max():
            return array
        if array.dtype.kind == "f":
            axis = int(np.argmax(array.shape))
            shift = int(rng.integers(array.shape[axis])) if array.shape[axis] >= 256 else 0
            varied = np.roll(array, shift, axis).astype(np.float64) * rng.uniform(0.5, 1.5)
            varied += rng.normal(0, 0.1 * array.std(dtype=np.float64), array.shape)
            return (varied if array.min() < 0 else np.abs(varied)).astype(array.dtype)
        counts = np.array_equal(array.ravel(), np.arange(array.size) + array.min()) # positions
        if array.dtype.kind in "iu" and not counts and array.max() > 1:
            return rng.integers(array.min(), array.max() + 1, array.shape).astype(array.dtype)
        return array


def open_samples(folder, model):
    """What makes samples for a model: make(count, seed) yields dicts of arrays by the names of inputs."""
    stored = read_stored(folder, model)
    name, first = next(iter(stored.items()))
    return Pictures(name, first) if len(stored) == 1 and Pictures.fits(first) else Variations(stored)


def find_models(places, names):
    """The models' folders: `places` are such folders, or folders of them."""
    folders = []
    for place in places:
        folders += [place] if (place / "model.onnx").exists() else \
            sorted(path.parent for path in place.glob("*/model.onnx"))
    return [folder for folder in folders if not names or folder.name in names]
