"""What int8 costs real models: Tenon's calibration and repairs beside ONNX Runtime's calibrators.

    PYTHONPATH=build/python .venv/bin/python benchmarks/quantization.py MODELS [NAME...] [--json FILE]

MODELS is a folder of models, NAME/model.onnx with NAME/test_data_set_0/input_0.pb, from which the range of
an input's numbers is taken. Samples are crops of the photographs that come with scikit-learn (and
scikit-image, where it is installed), and scikit-learn's digits for inputs of one channel and up to 32 pixels.

All products are quantized, weights per channel, on both sides. ONNX Runtime's calibrators get all samples;
Tenon holds back a quarter of them for its own use. Both models are run by ONNX Runtime on other crops, and
the signal to noise of the worst output against fp32 is what counts. For each model there is a line with dB.
"""
import argparse
import contextlib
import io
import json
import logging
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from onnx import numpy_helper
from sklearn.datasets import load_digits, load_sample_images

import tenon

PRODUCTS = ["Conv", "ConvTranspose", "MatMul", "Gemm"]
CALIBRATORS = ["MinMax", "Percentile", "Entropy"]


def photographs():
    pictures = list(load_sample_images().images)
    try:
        from skimage import data
        pictures += [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.retina()[400:1000, 400:1000]]
    except ImportError:
        pass
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


class Samples:
    """Natural inputs for one model."""

    def __init__(self, folder, model):
        graph = model.graph
        initializers = {tensor.name for tensor in graph.initializer}
        self.input, = [value for value in graph.input if value.name not in initializers]
        stored = numpy_helper.to_array(onnx.TensorProto.FromString(
            (folder / "test_data_set_0" / "input_0.pb").read_bytes()))
        if stored.ndim != 4 or stored.dtype != np.float32:
            raise ValueError(f"its input is {stored.dtype}{list(stored.shape)}, no picture")
        self.shape, self.low, self.high = stored.shape, stored.min(), stored.max()

    def make(self, count, seed):
        channels_last = self.shape[3] in (1, 3) and self.shape[1] not in (1, 3)
        channels = self.shape[3] if channels_last else self.shape[1]
        height, width = self.shape[1:3] if channels_last else self.shape[2:4]
        if channels == 1 and height <= 32:
            digits = load_digits().images.astype(np.uint8) * 16
            pictures = [np.repeat(d[..., None], 3, 2) for d in np.random.default_rng(seed).permutation(digits)[:count]]
        else:
            pictures = crops(count, seed)
        for picture in pictures:
            pixels = resize(picture, height, width) / 255
            if channels == 1:
                pixels = pixels.mean(2, keepdims=True)
            elif channels != 3:
                raise ValueError(f"it has {channels} channels")
            pixels = pixels * (self.high - self.low) + self.low
            if not channels_last:
                pixels = pixels.transpose(2, 0, 1)
            yield {self.input.name: np.ascontiguousarray(
                np.broadcast_to(pixels, self.shape), dtype=np.float32)}


def run(path, samples):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    results = [session.run(None, sample) for sample in samples]
    return [np.concatenate([result[i].ravel() for result in results]).astype(np.float64)
            for i in range(len(session.get_outputs())) if results[0][i].dtype == np.float32]


def sqnr(expected, got):
    """Of the worst output, in dB."""
    losses = [10 * np.log10((a ** 2).sum() / max(((a - b) ** 2).sum(), 1e-300))
              if a.shape == b.shape else -np.inf for a, b in zip(expected, got)]
    return float(min(losses))


def quantize_with_runtime(source, target, samples, calibrator):
    import onnxruntime.quantization as ort

    class Reader(ort.CalibrationDataReader):
        def __init__(self):
            self.samples = iter(samples)

        def get_next(self):
            return next(self.samples, None)

    with contextlib.redirect_stdout(io.StringIO()):
        ort.quantize_static(source, target, Reader(), quant_format=ort.QuantFormat.QDQ, per_channel=True,
                            activation_type=ort.QuantType.QUInt8, weight_type=ort.QuantType.QInt8,
                            op_types_to_quantize=PRODUCTS,
                            calibrate_method=getattr(ort.CalibrationMethod, calibrator))


def measure(folder, count, judged):
    source = folder / "model.onnx"
    model = onnx.load(source)
    maker = Samples(folder, model)
    samples, others = list(maker.make(count, 1)), list(maker.make(judged, 2))
    expected = run(source, others)
    row = {}
    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)
        source = temporary / "model.onnx"
        # ONNX has scales for each channel from version 13 on.
        old = max(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")) < 13
        onnx.save(onnx.version_converter.convert_version(model, 13) if old else model, source)
        for calibrator in CALIBRATORS:
            try:
                quantize_with_runtime(source, temporary / "ort.onnx", samples, calibrator)
                row[calibrator] = sqnr(expected, run(temporary / "ort.onnx", others))
            except Exception as error: # of any kind, and not ours
                row[calibrator] = None
                print(f"  {folder.name}: {calibrator} fails: {str(error).splitlines()[0][:120]}", flush=True)
        for name, repair in (("tenon, no repairs", False), ("tenon", True)):
            start = time.time()
            tenon.quantize(source, samples, budget=None, allow=["int8"], repair=repair,
                           output=temporary / "tenon.onnx")
            row[name] = sqnr(expected, run(temporary / "tenon.onnx", others))
            row["seconds"] = time.time() - start
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--judged", type=int, default=8)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(3)
    columns = [*CALIBRATORS, "tenon, no repairs", "tenon"]
    print("| model | " + " | ".join(columns) + " | seconds |\n|---|" + "---:|" * (len(columns) + 1), flush=True)
    rows = {}
    for folder in sorted(path.parent for path in arguments.models.glob("*/model.onnx")):
        if arguments.names and folder.name not in arguments.names:
            continue
        try:
            row = rows[folder.name] = measure(folder, arguments.samples, arguments.judged)
        except Exception as error: # the next model may do
            print(f"  {folder.name}: {str(error).splitlines()[0][:160]}", flush=True)
            continue
        cells = ["-" if row[column] is None else f"{row[column]:.1f}" for column in columns]
        print(f"| {folder.name} | " + " | ".join(cells) + f" | {row['seconds']:.0f} |", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
