"""Inputs for open models, as many as are asked for: what quantization is calibrated with and judged by.

A model is a folder with model.onnx and test_data_set_*/input_*.pb, from which types and ranges are taken.

Pictures (inputs of 1 or 3 channels) are crops of the photographs that come with scikit-learn and scikit-image, and
scikit-learn's digits where there is one channel of up to 32 pixels.

Sounds (a first input that is one signal of 256 positions or more) are cut from recordings of a speaker and of music that
come with Debian's packages asterisk-core-sounds-en-wav and asterisk-moh-opsound-wav.

There is nothing natural at hand for other inputs. They are made of the stored ones, each sample another one: numbers
are scaled and have noise added (none becomes negative where none is), series (of 256 positions or more) are shifted, and
indices are drawn anew from the range that they have. Masks, positions, single numbers and states that are zero stay.
"""
import functools
import warnings
import wave
from pathlib import Path

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


RECORDINGS = Path("/usr/share/asterisk")


@functools.cache
def recordings():
    """Mono signals at 16 kHz, each as loud as the others, in an order that mixes speech and music; those of silence are
    left out. Of music there are parts of 8 seconds."""
    signals = []
    for path in sorted(RECORDINGS.glob("**/*.wav")):
        if "silence" in path.parts:
            continue
        with wave.open(str(path)) as file:
            signal = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
            scale = 16000 // file.getframerate()
        signal = np.interp(np.arange(len(signal) * scale) / scale, np.arange(len(signal)), signal)
        signals += [part / part.std() for part in np.array_split(signal, -(-len(signal) // (8 * 16000))) if part.std() > 0]
    return [signals[i] for i in np.random.default_rng(0).permutation(len(signals))]


def sounds(count, length, seed):
    """Parts of recordings, around where they are loud; of other recordings for each seed below 10."""
    rng = np.random.default_rng(seed)
    signals = recordings()[seed % 10::10]
    for i in range(count):
        signal = signals[i % len(signals)]
        if len(signal) < length: # one after the other
            signal = np.resize(np.concatenate([*signals[i % len(signals):], *signals]), length)
        middle = rng.choice(len(signal), p=signal ** 2 / (signal ** 2).sum())
        start = min(max(middle - length // 2, 0), len(signal) - length)
        yield signal[start:start + length]


def read_stored(folder, model):
    """The inputs of the first data set, by their names."""
    initializers = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in initializers]
    return {name: numpy_helper.to_array(onnx.TensorProto.FromString(
        (folder / "test_data_set_0" / f"input_{i}.pb").read_bytes())) for i, name in enumerate(names)}


class Pictures:
    """For a model of one input [N,C,H,W] or [N,H,W,C] of 1 or 3 channels."""

    kind = "pictures"
    is_diverse = True

    def __init__(self, name, stored):
        self.name, self.shape, self.size, self.dtype = name, stored.shape, stored.size, stored.dtype
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


class Sounds:
    """For a model whose first input is a signal. Other inputs stay. Where the stored one is normalized, others are, too;
    otherwise they are about as loud."""

    kind = "sounds"
    is_diverse = True

    def __init__(self, stored):
        self.name, first = next(iter(stored.items()))
        self.stored, self.shape, self.size, self.dtype = stored, first.shape, first.size, first.dtype
        self.loudness = first.std(dtype=np.float64)
        self.is_normalized = abs(self.loudness - 1) < 0.1

    @staticmethod
    def fits(stored):
        return stored.dtype.kind == "f" and stored.size >= 256 and max(stored.shape) == stored.size and \
            stored.min() < 0 < stored.max()

    def make(self, count, seed):
        rng = np.random.default_rng(seed)
        for signal in sounds(count, max(self.shape), seed):
            if self.is_normalized:
                signal = (signal - signal.mean()) / signal.std()
            else:
                signal = signal * self.loudness * rng.uniform(0.5, 1.5)
            yield {**self.stored, self.name: signal.astype(self.dtype).reshape(self.shape)}


class Variations:
    """For all other models. Numbers stay near the stored ones; what looks like codes (of tokens, or of classes) is any of
    those in between."""

    kind = "variations"

    def __init__(self, stored):
        self.stored, self.size = stored, sum(array.size for array in stored.values())
        self.is_diverse = any(self.has_codes(array) for array in stored.values())

    def make(self, count, seed):
        rng = np.random.default_rng(seed)
        for _ in range(count):
            yield {name: self.vary(array, rng) for name, array in self.stored.items()}

    @staticmethod
    def has_codes(array):
        if array.dtype.kind not in "iu" or array.size < 2 or array.min() == array.max():
            return False
        are_positions = np.array_equal(array.ravel(), np.arange(array.size) + array.min())
        return not are_positions and array.max() > 1

    @classmethod
    def vary(cls, array, rng):
        if cls.has_codes(array):
            return rng.integers(array.min(), array.max() + 1, array.shape).astype(array.dtype)
        if array.dtype.kind != "f" or array.size < 2 or array.min() == array.max():
            return array
        axis = int(np.argmax(array.shape))
        shift = int(rng.integers(array.shape[axis])) if array.shape[axis] >= 256 else 0
        varied = np.roll(array, shift, axis).astype(np.float64) * rng.uniform(0.5, 1.5)
        varied += rng.normal(0, 0.1 * array.std(dtype=np.float64), array.shape)
        return (varied if array.min() < 0 else np.abs(varied)).astype(array.dtype)


def open_samples(folder, model):
    """What makes samples for a model: make(count, seed) yields dicts of arrays by the names of inputs. It is_diverse if
    samples differ so that few hardly show all kinds; size is how many numbers one has."""
    stored = read_stored(folder, model)
    name, first = next(iter(stored.items()))
    if len(stored) == 1 and Pictures.fits(first):
        return Pictures(name, first)
    if Sounds.fits(first):
        if recordings():
            return Sounds(stored)
        warnings.warn("there are no recordings: sounds are made of the stored one", stacklevel=2)
    return Variations(stored)


def find_models(places, names):
    """The models' folders: `places` are such folders, or folders of them."""
    folders = []
    for place in places:
        folders += [place] if (place / "model.onnx").exists() else \
            sorted(path.parent for path in place.glob("*/model.onnx"))
    return [folder for folder in folders if not names or folder.name in names]
