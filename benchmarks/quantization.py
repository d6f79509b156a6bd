"""What int8 costs real models: Tenon's calibration and repairs beside ONNX Runtime's calibrators.

    PYTHONPATH=build/python .venv/bin/python benchmarks/quantization.py PLACE... [--names NAME,...] [--json FILE]

PLACE is a folder of models, or a model's own, of which those that read pictures or sounds are taken (see samples.py).

All products are quantized, weights per channel, on both sides. ONNX Runtime's calibrators get all samples;
Tenon holds back a quarter of them for its own use. Both models are run by ONNX Runtime on other samples, and
the signal to noise of the worst output against fp32 is what counts. ONNX Runtime quantizes what products
compute, too, unless it is told not to: so there is a second column of each calibrator, "inputs", where the same
tensors are quantized as Tenon quantizes. For each model there is a line with dB.
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

import tenon
from samples import Variations, find_models, open_samples

PRODUCTS = ["Conv", "ConvTranspose", "MatMul", "Gemm"]
CALIBRATORS = ["MinMax", "Percentile", "Entropy"]
COLUMNS = [*CALIBRATORS, *(name + ", inputs" for name in CALIBRATORS), "Tenon without repairs", "Tenon"]


def run(path, samples):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Products of bytes saturate at 16 bits on processors with neither VNNI nor AMX, and what they compute is not what the
    # model says then. Without optimizations codes are multiplied as floats everywhere.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    results = [session.run(None, sample) for sample in samples]
    return [np.concatenate([result[i].ravel() for result in results]).astype(np.float64)
            for i in range(len(session.get_outputs())) if results[0][i].dtype == np.float32]


def sqnr(expected, got):
    """Of the worst output, in dB."""
    losses = [10 * np.log10((a ** 2).sum() / max(((a - b) ** 2).sum(), 1e-300))
              if a.shape == b.shape else -np.inf for a, b in zip(expected, got)]
    return float(min(losses))


class Calibration:
    """What one of ONNX Runtime's calibrators makes of a model."""

    def __init__(self, source, samples, calibrator):
        from onnxruntime.quantization import CalibrationMethod
        from onnxruntime.quantization.calibrate import create_calibrator
        self.source, self.samples = source, iter(samples)
        with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stdout(io.StringIO()):
            found = create_calibrator(source, PRODUCTS, augmented_model_path=f"{temporary}/model.onnx",
                                      calibrate_method=getattr(CalibrationMethod, calibrator))
            found.collect_data(self)
            self.ranges = found.compute_data()

    def get_next(self):
        return next(self.samples, None)

    def quantize(self, target, inputs_only):
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
        from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
        options = {"OpTypesToExcludeOutputQuantization": PRODUCTS} if inputs_only else {}
        quantizer = QDQQuantizer(load_model_with_shape_infer(self.source), True, False, QuantType.QInt8,
                                 QuantType.QUInt8, self.ranges, [], [], PRODUCTS, options)
        quantizer.quantize_model()
        quantizer.model.save_model_to_file(str(target), False)


def measure(folder, arguments):
    model = onnx.load(folder / "model.onnx")
    maker = open_samples(folder, model)
    if isinstance(maker, Variations):
        raise ValueError("there are no pictures or sounds that it reads")
    seed = 2 * arguments.seed
    samples, others = list(maker.make(arguments.samples, seed - 1)), list(maker.make(arguments.judged, seed))
    expected = run(folder / "model.onnx", others)
    row = {}
    with tempfile.TemporaryDirectory() as temporary:
        source, target = Path(temporary) / "model.onnx", Path(temporary) / "quantized.onnx"
        # ONNX has scales for each channel from version 13 on.
        old = max(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")) < 13
        onnx.save(onnx.version_converter.convert_version(model, 13) if old else model, source)
        for name in CALIBRATORS:
            try:
                calibration = Calibration(source, samples, name)
                for column, inputs_only in ((name, False), (name + ", inputs", True)):
                    calibration.quantize(target, inputs_only)
                    row[column] = sqnr(expected, run(target, others))
            except Exception as error: # of any kind, and not ours
                print(f"  {folder.name}: {name} fails: {str(error).splitlines()[0][:120]}", flush=True)
        for name, repair in (("Tenon without repairs", False), ("Tenon", True)):
            start = time.time()
            result = tenon.quantize(source, samples, budget=None, allow=["int8"], repair=repair, output=target)
            row[name] = sqnr(expected, run(target, others))
            row["seconds"] = time.time() - start
        row["repairs"] = [line for line in result.text.splitlines() if ": noise " in line]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", type=Path)
    parser.add_argument("--names", default="")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--judged", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1, help="which samples there are, from 1 on")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(3)
    print("| model | " + " | ".join(COLUMNS) + " | seconds |\n|---|" + "---:|" * (len(COLUMNS) + 1), flush=True)
    rows = {}
    for folder in find_models(arguments.places, [name for name in arguments.names.split(",") if name]):
        try:
            row = rows[folder.name] = measure(folder, arguments)
        except Exception as error: # the next model may do
            print(f"  {folder.name}: {str(error).splitlines()[0][:160]}", flush=True)
            continue
        cells = [f"{row[column]:.1f}" if column in row else "-" for column in COLUMNS]
        print(f"| {folder.name} | " + " | ".join(cells) + f" | {row['seconds']:.0f} |", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
