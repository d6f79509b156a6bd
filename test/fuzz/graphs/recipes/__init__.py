"""Recipes: per operator a function that draws one node of it (or a few), valid for the values at hand.

`RECIPES` maps (domain, operator) to (function, weight). A recipe takes the builder and the operator's name, and
raises `Reject` where it finds no way. `WITHOUT` says of the operators that are imported and have none why.
"""

import importlib
import pkgutil

RECIPES = {}

_DROPPED = "the onnx package does not know it, so that its checker refuses models (cases/old_operators.py)"
_MAPS = "takes or gives maps, which graphs of tensors do not have (cases/sequences.py)"
_NO_ORACLE = "ONNX Runtime has no kernel for CPUs to compare with (cases/contrib_operators.py, cached_attention.py, quantized_operators.py)"
WITHOUT = (
    dict.fromkeys((("", name) for name in "Affine Crop ImageScaler ParametricSoftplus ScaledTanh SimplifiedLayerNormalization".split()), _DROPPED)
    | dict.fromkeys((("ai.onnx.ml", name) for name in "CastMap DictVectorizer ZipMap".split()), _MAPS)
    | dict.fromkeys(
        (
            ("com.microsoft", name)
            for name in """BiasAdd BiasDropout BiasSoftmax BiasSplitGelu BitmaskBiasDropout BitmaskDropout ComplexMul ComplexMulConj FusedMatMulActivation GemmFastGelu
            GemmaRotaryEmbedding GroupNorm IsAllFinite MulInteger NhwcConv NhwcFusedConv PackedAttention
            PackedMultiHeadAttention QLinearReduceMean ReduceSumInteger RemovePadding RestorePadding SkipGroupNorm TorchEmbedding""".split()
        ),
        _NO_ORACLE,
    )
    | {
        ("", "ImageDecoder"): "it takes files of pictures (test/python/test_images.py)",
        ("ai.onnx.preview.training", "Gradient"): "it names tensors of the graph around it, which the oracle does not differentiate (test_gradients.py)",
        ("ai.onnx.preview", "FlexAttention"): "its domain is none of those that graphs import; node tests check it",
        ("com.microsoft", "SimplifiedLayerNormalization"): "ONNX Runtime has it in the domain of ONNX; RMSNormalization is imported alike",
    }
)


def recipe(*names, domain="", weight=1.0):
    """Registers a function for operators, given as one string with spaces or several."""

    def register(function):
        for name in " ".join(names).split():
            assert (domain, name) not in RECIPES, f"two recipes for {name}"
            RECIPES[domain, name] = function, weight
        return function

    return register


for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
