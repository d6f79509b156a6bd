#!/usr/bin/env python3
"""Checks what skl2onnx emits for estimators of scikit-learn against ONNX Runtime.

    pip install skl2onnx
    PYTHONPATH=build/python benchmarks/estimators.py [NAME...]

Each estimator is trained on a small data set, exported as its users do (classifiers end in ZipMap), compiled by
Tenon, and run on rows that it has not seen, all together and one alone. Labels must be equal, numbers as close as sums in
f32 are. What cannot be trained or what skl2onnx does not convert, and models that ONNX Runtime does not run, are counted by themselves.
"""
import sys
import warnings

import numpy as np
import onnxruntime
import tenon
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import (calibration, cluster, compose, cross_decomposition, decomposition, discriminant_analysis, ensemble,
                     feature_extraction, feature_selection, gaussian_process, impute, linear_model, mixture, multiclass,
                     naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree)
from sklearn.datasets import make_classification, make_regression
from sklearn.preprocessing import FunctionTransformer

ROWS = 120


def numbers(kind):
    """Features, and what is to be learnt from them: classes, their names, or a number."""
    if kind == "regression":
        x, y = make_regression(ROWS, 6, noise=2.0, random_state=1)
        return x.astype(np.float32), (y / np.abs(y).max() + 2).astype(np.float32)
    classes = 2 if kind == "binary" else 3
    x, y = make_classification(ROWS, 6, n_informative=4, n_redundant=0, n_classes=classes, random_state=2)
    return x.astype(np.float32), np.array(["red", "green", "blue"])[y] if kind == "names" else y


CLASSIFIERS = {
    "LogisticRegression": lambda: linear_model.LogisticRegression(),
    "RidgeClassifier": lambda: linear_model.RidgeClassifier(),
    "SGDClassifier": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "Perceptron": lambda: linear_model.Perceptron(random_state=0),
    "LinearSVC": lambda: svm.LinearSVC(random_state=0),
    "SVC": lambda: svm.SVC(kernel="rbf"),
    "SVC_poly": lambda: svm.SVC(kernel="poly"),
    "NuSVC": lambda: svm.NuSVC(nu=0.3),
    "GaussianNB": lambda: naive_bayes.GaussianNB(),
    "BernoulliNB": lambda: naive_bayes.BernoulliNB(),
    "KNeighborsClassifier": lambda: neighbors.KNeighborsClassifier(),
    "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(random_state=0),
    "ExtraTreeClassifier": lambda: tree.ExtraTreeClassifier(random_state=0),
    "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(10, random_state=0),
    "ExtraTreesClassifier": lambda: ensemble.ExtraTreesClassifier(10, random_state=0),
    "GradientBoostingClassifier": lambda: ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0),
    "HistGradientBoostingClassifier": lambda: ensemble.HistGradientBoostingClassifier(max_iter=10),
    "AdaBoostClassifier": lambda: ensemble.AdaBoostClassifier(n_estimators=5, random_state=0),
    "BaggingClassifier": lambda: ensemble.BaggingClassifier(n_estimators=4, random_state=0),
    "VotingClassifier": lambda: ensemble.VotingClassifier([("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())], voting="soft", flatten_transform=False),
    "StackingClassifier": lambda: ensemble.StackingClassifier([("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=2))]),
    "MLPClassifier": lambda: neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=50, random_state=0),
    "LinearDiscriminantAnalysis": lambda: discriminant_analysis.LinearDiscriminantAnalysis(),
    "QuadraticDiscriminantAnalysis": lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(),
    "OneVsRestClassifier": lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    "OneVsOneClassifier": lambda: multiclass.OneVsOneClassifier(linear_model.LogisticRegression()),
    "CalibratedClassifierCV": lambda: calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2),
    "GaussianProcessClassifier": lambda: gaussian_process.GaussianProcessClassifier(random_state=0),
}

REGRESSORS = {
    "LinearRegression": lambda: linear_model.LinearRegression(),
    "Ridge": lambda: linear_model.Ridge(),
    "Lasso": lambda: linear_model.Lasso(0.01),
    "ElasticNet": lambda: linear_model.ElasticNet(0.01),
    "BayesianRidge": lambda: linear_model.BayesianRidge(),
    "HuberRegressor": lambda: linear_model.HuberRegressor(),
    "SGDRegressor": lambda: linear_model.SGDRegressor(random_state=0),
    "TheilSenRegressor": lambda: linear_model.TheilSenRegressor(random_state=0),
    "RANSACRegressor": lambda: linear_model.RANSACRegressor(random_state=0),
    "PoissonRegressor": lambda: linear_model.PoissonRegressor(),
    "GammaRegressor": lambda: linear_model.GammaRegressor(),
    "QuantileRegressor": lambda: linear_model.QuantileRegressor(alpha=0.01),
    "SVR": lambda: svm.SVR(),
    "NuSVR": lambda: svm.NuSVR(),
    "LinearSVR": lambda: svm.LinearSVR(random_state=0),
    "KNeighborsRegressor": lambda: neighbors.KNeighborsRegressor(),
    "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(random_state=0),
    "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(10, random_state=0),
    "ExtraTreesRegressor": lambda: ensemble.ExtraTreesRegressor(10, random_state=0),
    "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(n_estimators=10, random_state=0),
    "HistGradientBoostingRegressor": lambda: ensemble.HistGradientBoostingRegressor(max_iter=10),
    "AdaBoostRegressor": lambda: ensemble.AdaBoostRegressor(n_estimators=5, random_state=0),
    "BaggingRegressor": lambda: ensemble.BaggingRegressor(n_estimators=4, random_state=0),
    "VotingRegressor": lambda: ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]),
    "MLPRegressor": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=0),
    "GaussianProcessRegressor": lambda: gaussian_process.GaussianProcessRegressor(alpha=1e-2),
    "PLSRegression": lambda: cross_decomposition.PLSRegression(2),
}

TRANSFORMERS = {
    "KMeans": lambda: cluster.KMeans(3, random_state=0, n_init=1),
    "MiniBatchKMeans": lambda: cluster.MiniBatchKMeans(3, random_state=0, n_init=1),
    "GaussianMixture": lambda: mixture.GaussianMixture(2, random_state=0),
    "IsolationForest": lambda: ensemble.IsolationForest(n_estimators=10, random_state=0),
    "OneClassSVM": lambda: svm.OneClassSVM(),
    "LocalOutlierFactor": lambda: neighbors.LocalOutlierFactor(novelty=True),
    "PCA": lambda: decomposition.PCA(3),
    "IncrementalPCA": lambda: decomposition.IncrementalPCA(3),
    "TruncatedSVD": lambda: decomposition.TruncatedSVD(3, random_state=0),
    "StandardScaler": lambda: preprocessing.StandardScaler(),
    "MinMaxScaler": lambda: preprocessing.MinMaxScaler(),
    "MaxAbsScaler": lambda: preprocessing.MaxAbsScaler(),
    "RobustScaler": lambda: preprocessing.RobustScaler(),
    "Normalizer": lambda: preprocessing.Normalizer(),
    "Binarizer": lambda: preprocessing.Binarizer(threshold=0.1),
    "KBinsDiscretizer": lambda: preprocessing.KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf"),
    "PolynomialFeatures": lambda: preprocessing.PolynomialFeatures(2),
    "PowerTransformer": lambda: preprocessing.PowerTransformer(),
    "SimpleImputer": lambda: impute.SimpleImputer(),
    "KNNImputer": lambda: impute.KNNImputer(n_neighbors=2),
    "VarianceThreshold": lambda: feature_selection.VarianceThreshold(0.5),
    "SelectKBest": lambda: feature_selection.SelectKBest(k=3),
    "FeatureUnion": lambda: pipeline.FeatureUnion([("a", preprocessing.StandardScaler()), ("b", decomposition.PCA(2))]),
    "FunctionTransformer": lambda: FunctionTransformer(),
}


def text(case):
    return np.array([case(i) for i in range(40)], object).reshape(-1, 1)


def tabular():
    """Numbers and names in columns of their own, scaled and encoded in front of a classifier."""
    x, y = numbers("binary")
    names = np.array(["a", "b", "c"], object)[np.arange(len(x)) % 3].reshape(-1, 1)
    columns = compose.ColumnTransformer([("numbers", preprocessing.StandardScaler(), list(range(6))),
                                         ("names", preprocessing.OneHotEncoder(handle_unknown="ignore"), [6])])
    model = pipeline.Pipeline([("columns", columns), ("model", linear_model.LogisticRegression())])
    model.fit(np.concatenate([x.astype(object), names], 1), y)
    types = [("numbers", FloatTensorType([None, 6])), ("names", StringTensorType([None, 1]))]
    return model, types, {"numbers": x[:9], "names": names[:9]}


def fit_text(model, x, type):
    model.fit(x if x.ndim == 2 else list(x))
    return model, [("x", type([None, *x.shape[1:]]))], {"x": x[:9]}


SPECIAL = {
    "OneHotEncoder": lambda: fit_text(preprocessing.OneHotEncoder(), text(lambda i: "abc"[i % 3]), StringTensorType),
    "OrdinalEncoder": lambda: fit_text(preprocessing.OrdinalEncoder(), text(lambda i: "abc"[i % 3]), StringTensorType),
    "OneHotEncoder_int": lambda: fit_text(preprocessing.OneHotEncoder(), np.arange(40).reshape(-1, 1) % 4, Int64TensorType),
    "CountVectorizer": lambda: fit_text(feature_extraction.text.CountVectorizer(), text(lambda i: f"word {'abc'[i % 3]}{i % 5} again").ravel(), StringTensorType),
    "TfidfVectorizer": lambda: fit_text(feature_extraction.text.TfidfVectorizer(), text(lambda i: f"word {'abc'[i % 3]}{i % 5} again").ravel(), StringTensorType),
    "ColumnTransformer": tabular,
}


def train(name):
    """Fitted estimators with their inputs: types and arrays. Several for a classifier."""
    if name in SPECIAL:
        yield SPECIAL[name]()
        return
    factory = (CLASSIFIERS | REGRESSORS | TRANSFORMERS)[name]
    for kind in ("binary", "several", "names") if name in CLASSIFIERS else ("regression",):
        x, y = numbers(kind)
        model = factory().fit(x[:-20], y[:-20])
        yield model, [("x", FloatTensorType([None, x.shape[1]]))], {"x": x[-20:]}


def differences(found, right):
    """What is wrong with a result, or nothing."""
    if isinstance(right, list):
        same = len(found) == len(right) and all(list(a) == list(b) for a, b in zip(found, right))
        return differences(*(np.array([list(row.values()) for row in rows]) for rows in (found, right))) if same else "other keys"
    if found.shape != right.shape:
        return f"has shape {found.shape}, expected {right.shape}"
    if right.dtype == object or right.dtype.kind in "iUb":
        return "" if np.array_equal(found, right) else f"{np.sum(found != right)} of {right.size} differ"
    size = np.maximum(1, np.abs(right))
    error = np.max(np.abs(found - right) / size, initial=0)
    return "" if error < 2e-4 else f"differs by {error:.1e}"


def check(name):
    """Nothing, or what keeps an estimator from being right; it says whose fault that is."""
    for model, types, feeds in train(name):
        try:
            exported = to_onnx(model, initial_types=types, target_opset={"": 18, "ai.onnx.ml": 3})
        except Exception as error:
            return "not exported", f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"
        try:
            session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
            parts = [{key: np.ascontiguousarray(array[:rows]) for key, array in feeds.items()} for rows in (None, 1)]
            expected = [session.run(None, part) for part in parts]
        except Exception as error:
            return "not run", f"ONNX Runtime: {str(error).splitlines()[0][:160]}"
        try:
            compiled = tenon.compile(exported)
        except tenon.CompileError as error:
            return "refused", str(error)
        for part, results in zip(parts, expected):
            found = compiled.run(part)
            for output, right in zip(session.get_outputs(), results):
                problem = differences(found[output.name], right)
                if problem:
                    return "wrong", f"output '{output.name}': {problem}"
    return None


def main():
    warnings.simplefilter("ignore")
    onnxruntime.set_default_logger_severity(4)
    names = sys.argv[1:] or [*CLASSIFIERS, *REGRESSORS, *TRANSFORMERS, *SPECIAL]
    results = {}
    for name in names:
        results[name] = check(name) or ("right", "")
        print(f"{name}: {': '.join(filter(None, results[name]))}", flush=True)
    counts = {kind: sum(result[0] == kind for result in results.values()) for kind in ("right", "wrong", "refused", "not run", "not exported")}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items() if count))
    return 1 if counts["wrong"] + counts["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
