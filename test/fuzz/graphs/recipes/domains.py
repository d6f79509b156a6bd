"""Operators of other domains, and the newest of ONNX's own: classical models, optimizers, ONNX Runtime's fusions."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe
from .contractions import image, matrix_pair
from .normalization import finite
from .quantization import scale_and_zero

ML = "ai.onnx.ml"
MS = "com.microsoft"


@recipe("SwiGLU", weight=0.5)
def swiglu(g, op):
    a = g.value(["float32"], rank=(1, 3), where=finite)
    return g.node(op, [a, g.fresh("float32", a.shape)], alpha=g.pick([None, 0.5, 1.702]))


@recipe("CausalConvWithState", weight=0.5)
def causal_conv(g, op):
    batch, channels, time, k = g.size(1), g.constant_size(g.integer(1, 5)), g.size(1), g.integer(2, 4)
    x = g.value(["float32"], shape=[batch, channels, time], where=finite)
    weight = g.fresh("float32", [channels, *map(g.constant_size, (1, k))], "normal", fixed=True)
    bias = g.fresh("float32", [channels], "normal") if g.flip() else None
    past = g.fresh("float32", [batch, channels, g.constant_size(k - 1)], "normal") if g.flip() else None
    return g.node(op, [x, weight, bias, past], outputs=2, activation=g.pick([None, "silu", "none"]))


@recipe("LinearAttention", weight=0.5)
def linear_attention(g, op):
    batch, time, heads, groups = g.size(1), g.constant_size(g.integer(1, 4)), g.integer(1, 2), g.pick([1, 2])
    d, dv = g.integer(1, 4), g.integer(1, 4)
    rule = g.pick(["linear", "gated", "delta", "gated_delta"])
    make = lambda width, kind: g.fresh("float32", [batch, time, g.constant_size(width)], kind)
    q, k, v = make(heads * groups * d, "unit"), make(heads * d, "unit"), make(heads * dv, "unit")
    past = g.fresh("float32", [batch, *map(g.constant_size, (heads, d, dv))], "unit") if g.flip() else None
    decay = make(heads, "unit") if "gated" in rule else None
    beta = make(heads, "unit") if "delta" in rule else None
    return g.node(op, [q, k, v, past, decay, beta], outputs=2, q_num_heads=heads * groups, kv_num_heads=heads,
                  update_rule=rule, scale=0.5 if g.flip() else None)


@recipe("TfIdfVectorizer", weight=0.3)
def tf_idf(g, op):
    x = g.value(["int64", "int32"], rank=(1, 2), where=lambda v: all(min(s) > 0 for s in v.shape))
    pool = [1, 2, 3, -1, 0, 1, 1, 2, 2, 3]
    return g.node(op, [x], mode=g.pick(["TF", "IDF", "TFIDF"]), min_gram_length=1, max_gram_length=2,
                  max_skip_count=g.integer(0, 1), ngram_counts=[0, 4], ngram_indexes=[0, 1, 2, 3, 4, 5, 6],
                  pool_int64s=pool, weights=[0.5 + i for i in range(7)] if g.flip() else None)


@recipe("Scaler Normalizer Binarizer Imputer", domain=ML, weight=0.3)
def features(g, op):
    x = g.value(["float32"], rank=2 if op in ("Normalizer", "Scaler") else (1, 2), where=lambda v: finite(v) and len(set(v.shape[-1])) == 1)
    c = x.shape[-1][0]
    numbers = lambda: [float(n) for n in np.round(g.rng.uniform(0.5, 2, g.pick([1, c])), 2)]
    if op == "Scaler":
        return g.node(op, [x], domain=ML, offset=numbers(), scale=numbers())
    if op == "Normalizer":
        return g.node(op, [x], domain=ML, norm=g.pick(["MAX", "L1", "L2"]))
    if op == "Binarizer":
        return g.node(op, [x], domain=ML, threshold=0.5 if g.flip() else None)
    return g.node(op, [x], domain=ML, imputed_value_floats=numbers(), replaced_value_float=g.pick([0.0, 1.0]))


@recipe("LinearRegressor", domain=ML, weight=0.3)
def linear(g, op):
    x = g.value(["float32"], rank=2, where=lambda v: finite(v) and len(set(v.shape[-1])) == 1)
    targets = g.integer(1, 3)
    coefficients = [float(n) for n in np.round(g.rng.normal(size=targets * x.shape[1][0]), 2)]
    return g.node(op, [x], domain=ML, coefficients=coefficients, targets=targets,
                  intercepts=[0.5 * i for i in range(targets)] if g.flip() else None)


@recipe("SVMRegressor SVMClassifier", domain=ML, weight=0.4)
def support_vectors(g, op):
    x = g.value(["float32"], rank=2, where=lambda v: finite(v) and len(set(v.shape[-1])) == 1)
    features, listed = x.shape[1][0], lambda a: [float(n) for n in np.round(np.ravel(a), 2)]
    kernel = {"kernel_type": g.pick(["LINEAR", "RBF", "SIGMOID"]), "kernel_params": [0.25, 0.5, 2.0]}
    if op == "SVMRegressor":
        count = g.integer(1, 5)
        return g.node(op, [x], domain=ML, n_supports=count, support_vectors=listed(g.rng.normal(size=(count, features))),
                      coefficients=listed(g.rng.normal(size=count)), rho=[0.5], **kernel)
    classes = g.integer(2, 4)
    sizes = [g.integer(1, 3) for _ in range(classes)]
    pairs, count = classes * (classes - 1) // 2, sum(sizes)
    coupled = {"prob_a": [-1.0] * pairs, "prob_b": listed(g.rng.normal(size=pairs))} if g.flip() else {}
    return g.node(op, [x], outputs=2, domain=ML, classlabels_ints=[3 * i for i in range(classes)], vectors_per_class=sizes,
                  support_vectors=listed(g.rng.normal(size=(count, features))), rho=listed(g.rng.normal(size=pairs)),
                  coefficients=listed(g.rng.normal(size=(classes - 1, count))), **coupled, **kernel)


@recipe("OneHotEncoder", domain=ML, weight=0.3)
def one_hot_encoder(g, op):
    x = g.value(["int64", values.STRING], rank=(1, 2))
    categories = {"cats_strings": ["a", "ab", ""]} if x.type == values.STRING else {"cats_int64s": [0, 2, 1, -1]}
    return g.node(op, [x], domain=ML, **categories)


@recipe("ArrayFeatureExtractor", domain=ML, weight=0.3)
def extractor(g, op):
    x = g.value(["float32", "int64"], rank=2, where=lambda v: all(min(s) > 0 for s in v.shape))
    count = g.integer(1, 3)
    chosen = g.rng.integers(0, min(x.shape[1]), count).astype(np.int64)
    return g.node(op, [x, g.initializer(chosen)], domain=ML)


@recipe("LabelEncoder", domain=ML, weight=0.3)
def label_encoder(g, op):
    x = g.value(["int64", values.STRING], rank=(1, 2))
    keys = {"keys_strings": ["a", "", "日本", "b"]} if x.type == values.STRING else {"keys_int64s": [0, 1, 2, 3]}
    found = g.pick([{"values_floats": [0.5, -1.0, 2.0, 4.0], "default_float": -7.0},
                    {"values_strings": ["one", "", "ab", "Ä"], "default_string": "none"},
                    {"values_int64s": [3, -1, 7, 0], "default_int64": -5}])
    return g.node(op, [x], domain=ML, **keys, **found)


@recipe("Momentum Adagrad Adam", domain="ai.onnx.preview.training", weight=0.2)
def optimizer(g, op):
    domain = "ai.onnx.preview.training"
    rate, step = g.initializer(np.float32(0.1), pooled=False), g.ints(g.integer(0, 3))
    dims = g.shape(most=2)
    tensors = [g.fresh("float32", dims, "positive") for _ in range(4 if op == "Adam" else 3)]
    if op == "Momentum":
        return g.node(op, [rate, step, *tensors], outputs=2, domain=domain, alpha=0.9, beta=0.5, norm_coefficient=0.01,
                      mode=g.pick(["standard", "nesterov"]))
    extra = {"alpha": 0.9, "beta": 0.99} if op == "Adam" else {"decay_factor": 0.1}
    return g.node(op, [rate, step, *tensors], outputs=3 if op == "Adam" else 2, domain=domain, epsilon=1e-3, norm_coefficient=0.01, **extra)


@recipe("Gelu FastGelu QuickGelu BiasGelu", domain=MS, weight=0.3)
def gelu(g, op):
    x = g.value(["float32"], rank=(1, 3), where=finite)
    bias = g.fresh("float32", [x.shape[-1]], "normal") if op == "BiasGelu" or op == "FastGelu" and g.flip() else None
    return g.node(op, [x, bias], domain=MS)


@recipe("FusedMatMul", domain=MS, weight=0.5)
def fused_matmul(g, op):
    a, b = matrix_pair(g, ["float32"])
    if a.rank < 2 or b.rank < 2:
        raise Reject("vectors")
    return g.node(op, [a, b], domain=MS, alpha=g.pick([None, 0.5, 2.0]))


@recipe("SkipLayerNormalization SkipSimplifiedLayerNormalization", domain=MS, weight=0.5)
def skip_norm(g, op):
    x = g.value(["float32"], rank=3, where=finite)
    c = x.shape[-1]
    operands = [x, g.fresh("float32", x.shape, "normal"), g.fresh("float32", [c], "normal")]
    if op == "SkipLayerNormalization":
        operands.append(g.fresh("float32", [c], "normal") if g.flip() else None)
    if g.flip():
        operands += [None] * ((4 if op == "SkipLayerNormalization" else 3) - len(operands))
        operands.append(g.fresh("float32", [c], "normal"))
    return g.node(op, operands, domain=MS, epsilon=1e-3)


@recipe("QLinearAdd QLinearMul", domain=MS, weight=0.5)
def qlinear_binary(g, op):
    a = g.value(["uint8", "int8"], rank=(1, 4))
    b = g.fresh(a.type, g.narrowed(a.shape))
    operands = [a, *scale_and_zero(g, a.type, []), b, *scale_and_zero(g, a.type, [])]
    return g.node(op, [*operands, *scale_and_zero(g, a.type, [])], domain=MS)


@recipe("QLinearSigmoid QLinearLeakyRelu", domain=MS, weight=0.3)
def qlinear_unary(g, op):
    a = g.value(["uint8", "int8"], rank=(1, 4))
    operands = [a, *scale_and_zero(g, a.type, []), *scale_and_zero(g, a.type, [])]
    return g.node(op, operands, domain=MS)


@recipe("QLinearGlobalAveragePool", domain=MS, weight=0.3)
def qlinear_pool(g, op):
    a = image(g, ["uint8", "int8"], spatial=2)
    return g.node(op, [a, *scale_and_zero(g, a.type, []), *scale_and_zero(g, a.type, [])], domain=MS)
