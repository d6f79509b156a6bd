"""Quantized forms of float models, made with ONNX Runtime's own quantizer (onnxruntime.quantization).

A form is a way to quantize that models in the field use; `quantize` applies one to a model. Static forms
need the ranges of all values, which come from runs on calibration inputs: the model's own input and the
same numbers in other orders, so that they are of its kind (pixels, tokens, a mask) whatever it is. The
weights are random, so accuracy says nothing here: the forms are for speed, and for agreement between
engines.

Integer operators multiply u8 by s8, and on processors that do so in 16 bits ONNX Runtime's kernels
saturate, in the reference outputs, too. So the forms that have such operators hold weights of 7 bits,
which cannot saturate. QuantizeLinear pairs are computed in floating point for the reference outputs, so
their weights have all 8 bits; ONNX Runtime itself may then disagree with the reference on such processors.
"""
import contextlib
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

SAMPLES = 4
# What else a transformer consists of stays float, as in models that are quantized for use: a mask of
# -3e38 would make the steps of all scores beside it larger than the scores.
MATRIX_OPERATORS = ["MatMul", "Gemm"]


def calibration_inputs(feeds, count=SAMPLES, seed=1):
    """`feeds`, and then the same numbers in other orders."""
    rng = np.random.default_rng(seed)
    yield feeds
    for _ in range(count - 1):
        yield {name: rng.permutation(np.ravel(value)).reshape(np.shape(value)) for name, value in feeds.items()}


def quantize_static(model, feeds, operators, values="QUInt8", format="QDQ", per_channel=False,
                    reduce_range=False):
    import onnxruntime.quantization as ort

    class Reader(ort.CalibrationDataReader):
        def __init__(self):
            self.inputs = calibration_inputs(feeds)

        def get_next(self):
            return next(self.inputs, None)

    with as_files(model) as (source, folded, result):
        # Folds batch normalization into convolutions: between the two, values would be rounded once more.
        ort.quant_pre_process(source, folded, skip_symbolic_shape=True)
        ort.quantize_static(folded, result, Reader(), quant_format=ort.QuantFormat[format],
                            op_types_to_quantize=operators, per_channel=per_channel,
                            reduce_range=reduce_range, activation_type=ort.QuantType[values],
                            weight_type=ort.QuantType.QInt8)
        return onnx.load(result)


def quantize_dynamic(model, feeds, operators, reduce_range=False):
    import onnxruntime.quantization as ort

    with as_files(model) as (source, _, result):
        ort.quantize_dynamic(source, result, op_types_to_quantize=operators, reduce_range=reduce_range,
                             weight_type=ort.QuantType.QInt8)
        return onnx.load(result)


def quantize_blocks(model, feeds, operators, bits=4, block_size=32, accuracy_level=0):
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    copy = onnx.ModelProto.FromString(model.SerializeToString())
    quantizer = MatMulNBitsQuantizer(copy, bits=bits, block_size=block_size, accuracy_level=accuracy_level)
    quantizer.process()
    return quantizer.model.model


@contextlib.contextmanager
def as_files(model):
    """The path of a model, and two for what is made of it."""
    with tempfile.TemporaryDirectory(prefix="tenon-quantize-") as scratch:
        paths = [str(Path(scratch) / name) for name in ("float.onnx", "folded.onnx", "quantized.onnx")]
        onnx.save(model, paths[0])
        yield paths


@dataclass(frozen=True)
class Form:
    """A function of this file with what it takes, and where the form is used."""

    how: Callable
    options: dict = field(default_factory=dict)
    transformers_only: bool = False
    rounds_values: bool = True  # and not only weights


FORMS = {
    # QuantizeLinear pairs, u8 values, s8 weights with a scale for each channel or one for all, and s8 values
    "qdq_int8": Form(quantize_static, {"per_channel": True}),
    "qdq_int8_tensor": Form(quantize_static),
    "qdq_s8": Form(quantize_static, {"per_channel": True, "values": "QInt8"}),
    # QLinear operators, u8 values, s8 weights with a scale for each channel
    "qoperator_int8": Form(quantize_static, {"format": "QOperator", "per_channel": True, "reduce_range": True}),
    # u8 values whose scale each run finds, s8 weights with one scale
    "dynamic_int8": Form(quantize_dynamic, {"reduce_range": True}, transformers_only=True),
    # MatMulNBits: u4 weights in blocks of 32, float values
    "int4": Form(quantize_blocks, transformers_only=True, rounds_values=False),
    # the same, and values may be rounded to 8 bits in such blocks
    "int4_level4": Form(quantize_blocks, {"accuracy_level": 4}, transformers_only=True, rounds_values=False),
}


def quantize(model, feeds, form, operators=None):
    """The quantized model. `operators` are the types to quantize; None takes all that can be."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it tells about every tensor that it leaves alone
    try:
        result = form.how(model, feeds, operators, **form.options)
    finally:
        logging.disable(before)
    result.producer_name = "tenon-zoo"
    return result


def tolerance(form, results, float_results):
    """What other engines' outputs may differ from `results` (see docs/cli.md).

    5e-2 of an output's largest value, as for other quantized models: where a value lies between two steps,
    engines may round it differently, and all later ones then differ by steps. In deep models that adds up,
    and with random weights to more than in others. But it stays below what quantizing has changed, since
    that is as many roundings, all by up to half a step; so where values are rounded, the distance from the
    float model's results is allowed where it is larger. Up to 2 % of the elements may lie beyond."""
    atols = [0.05 * float(np.abs(value).max()) for value in results]
    if form.rounds_values:
        distances = [float(np.abs(value - exact).max()) for value, exact in zip(results, float_results)]
        if any(distance > 10 * atol for distance, atol in zip(distances, atols)):
            raise SystemExit("quantization leaves nothing of the model's results")
        atols = [max(pair) for pair in zip(atols, distances)]
    return {"rtol": 0.02, "max_mismatch_fraction": 0.02, "atol": atols}
