"""Operators of com.microsoft as the fuzzer of graphs draws them: three nodes of each, in two sizes.

ONNX Runtime says what must come out. What its rounding errors decide is not drawn: then the fuzzer's disturbed
versions of a result differ.
"""

import sys
from itertools import islice
from pathlib import Path

import numpy as np

from cases import Case, DataSet

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))

from graphs.builder import Builder, Reject, Style  # noqa: E402
from graphs.recipes import RECIPES  # noqa: E402

DOMAIN = "com.microsoft"
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}
OPERATORS = """AttnLSTM BeamSearch BifurcationDetector ConvTransposeWithDynamicPads DynamicTimeWarping EngramGate GreedySearch
    HyperConnectionPostMix HyperConnectionPreMix LinearAttentionGate MatMulFpQ4 MaxpoolWithMask MurmurHash3 NGramHashMapping
    Sampling SparseAttention VarlenNGramHashMapping WordConvEmbedding"""

EACH = 3
# Far more than any operator takes. Where ONNX Runtime has no kernel for a processor, no seed gives a model.
MOST_SEEDS = 5000
NEEDS_AVX512 = {"MatMulFpQ4"}


def is_told(versions):
    """Whether rounding errors leave a result as it is, if its elements are no floats."""
    first = versions[0]
    return first.dtype.kind == "f" or all(np.array_equal(first, other) for other in versions)


def draw(op):
    """Models of one node, with the inputs and results of two runs."""
    for seed in range(MOST_SEEDS):
        builder = Builder(np.random.default_rng([seed, *op.encode()]), Style(17, data_sets=2, open=0.5, zero=0, wild=0))
        try:
            RECIPES[DOMAIN, op][0](builder, op)
            model, feeds, expected = builder.model()
        except Reject:
            continue
        if all(is_told(versions) for results in expected for versions in results.values()):
            exact = [{name: versions[0] for name, versions in results.items()} for results in expected]
            yield model, [DataSet(*pair) for pair in zip(feeds, exact)]


def has_avx512():
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "avx512f" in cpuinfo.read_text()


def cases():
    for op in OPERATORS.split():
        drawn = list(islice(draw(op), EACH))
        if not drawn and op in NEEDS_AVX512 and not has_avx512():
            print(f"no cases of {op}: ONNX Runtime computes it with AVX-512 only", file=sys.stderr)
        elif len(drawn) < EACH:
            raise RuntimeError(f"{MOST_SEEDS} seeds give {len(drawn)} cases of {op}")
        for number, (model, data_sets) in enumerate(drawn):
            yield Case(f"{op}_{number}", f"{op} of com.microsoft computes what ONNX Runtime does", model, data_sets, TOLERANCE)
