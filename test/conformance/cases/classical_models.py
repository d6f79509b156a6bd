"""Support vectors and categories of ai.onnx.ml, as ONNX Runtime computes them."""

import numpy as np

from cases import Case, single

RNG = np.random.default_rng(29)
DOMAIN = "ai.onnx.ml"


def floats(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def case(name, why, op, arrays, attributes, outputs=1, tolerance=None):
    for form, model, data in single(op, arrays, attributes, outputs=outputs, opset=17, domain=DOMAIN):
        yield Case(f"{name}_{form}", why, model, data, tolerance or {})


def listed(array):
    return [float(value) for value in np.ravel(array)]


def support_vectors(classes, features, kernel, linear=False):
    """Attributes of a classifier with some vectors for each class."""
    if linear:
        return {"coefficients": listed(floats(classes, features)), "rho": [0.25], "kernel_params": [0.3, 0.5, 3.0]}
    sizes = [int(n) for n in RNG.integers(1, 6, classes)]
    total, pairs = sum(sizes), classes * (classes - 1) // 2
    return {
        "support_vectors": listed(floats(total, features)), "vectors_per_class": sizes,
        "coefficients": listed(floats(classes - 1, total)), "rho": listed(floats(pairs)), "kernel_type": kernel,
        "kernel_params": [0.3, 0.5, 3.0],
    }


def classifiers():
    why = "A vote for each pair of classes, and scores of pairs."
    x = floats(17, 5)
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        for classes in (2, 3, 5):
            attributes = support_vectors(classes, 5, kernel)
            attributes["classlabels_ints"] = [7 - 2 * i for i in range(classes)]
            yield from case(f"classifier_{kernel}_{classes}", why, "SVMClassifier", [x], attributes, outputs=2)
            pairs = len(attributes["rho"])
            attributes["prob_a"], attributes["prob_b"] = listed(-np.abs(floats(pairs)) - 0.5), listed(floats(pairs))
            yield from case(f"classifier_{kernel}_{classes}_coupled", "Probabilities are coupled from those of pairs.",
                            "SVMClassifier", [x], attributes, outputs=2, tolerance={"rtol": 1e-4, "atol": 1e-5})
    for transform in ("LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"):
        for classes in (2, 3):
            attributes = support_vectors(classes, 5, "RBF")
            attributes |= {"classlabels_ints": list(range(classes)), "post_transform": transform}
            if transform != "PROBIT":
                yield from case(f"transform_{transform}_{classes}", "What becomes of scores.", "SVMClassifier", [x],
                                attributes, outputs=2)
            pairs = len(attributes["rho"])
            attributes["prob_a"], attributes["prob_b"] = [-1.0] * pairs, [0.1] * pairs
            yield from case(f"transform_{transform}_{classes}_coupled", "What becomes of probabilities.",
                            "SVMClassifier", [x], attributes, outputs=2, tolerance={"rtol": 1e-4, "atol": 1e-5})
    for classes in (2, 3):
        for sign in ("any", "positive"):
            attributes = support_vectors(classes, 5, "LINEAR", linear=True)
            if sign == "positive":
                attributes["coefficients"] = [abs(c) for c in attributes["coefficients"]]
            for transform in ("NONE", "LOGISTIC"):
                attributes |= {"classlabels_ints": [4, 2, 9][:classes], "post_transform": transform}
                yield from case(f"linear_{classes}_{sign}_{transform}", "A row of coefficients for each class.",
                                "SVMClassifier", [x], attributes, outputs=2)
    attributes = support_vectors(3, 5, "RBF") | {"classlabels_ints": [0, 1, 2]}
    for dtype in (np.float64, np.int64, np.int32):
        yield from case(f"classifier_{np.dtype(dtype).name}", "Other types are computed as floats.", "SVMClassifier",
                        [(x * 2).astype(dtype)], attributes, outputs=2)


def regressors():
    x = floats(9, 4)
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        for one_class in (0, 1):
            attributes = {
                "n_supports": 6, "support_vectors": listed(floats(6, 4)), "coefficients": listed(floats(6)),
                "kernel_type": kernel, "kernel_params": [0.3, 0.5, 2.0], "rho": [0.1], "one_class": one_class,
            }
            yield from case(f"regressor_{kernel}_{one_class}", "A sum over support vectors.", "SVMRegressor", [x],
                            attributes)
    yield from case("regressor_linear", "A model without support vectors is linear.", "SVMRegressor", [x],
                    {"n_supports": 0, "coefficients": listed(floats(4)), "rho": [0.1], "kernel_type": "RBF",
                     "kernel_params": [0.3, 0.5, 2.0]})


def encoders():
    why = "A column for each category."
    for dtype in (np.int64, np.float32, np.float64):
        x = (RNG.integers(0, 6, (4, 3)) + (0.5 if np.dtype(dtype).kind == "f" else 0)).astype(dtype)
        yield from case(f"one_hot_{np.dtype(dtype).name}", why, "OneHotEncoder", [x], {"cats_int64s": [1, 4, 2]})
    x = RNG.integers(1, 4, 7)
    yield from case("one_hot_all", "Every element is a category.", "OneHotEncoder", [x],
                    {"cats_int64s": [3, 1, 2], "zeros": 0})
    yield from case("one_hot_twice", "Of equal categories the last one counts.", "OneHotEncoder", [x],
                    {"cats_int64s": [3, 1, 3, 2, 1]})


def cases():
    yield from classifiers()
    yield from regressors()
    yield from encoders()
