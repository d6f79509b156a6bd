"""NonMaxSuppression with limits that say "all", and other numbers that are larger than what there is."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases import Case, DataSet

INT64_MAX = 2**63 - 1


def choose(boxes, scores, limit, overlap, lowest):
    """The chosen [batch, class, box]."""
    chosen = []
    for batch in range(scores.shape[0]):
        for kind in range(scores.shape[1]):
            kept = []
            order = np.argsort(-scores[batch, kind], kind="stable")
            for box in (b for b in order if scores[batch, kind, b] > lowest):
                if len(kept) >= limit:
                    break
                if all(union_share(boxes[batch, box], boxes[batch, k]) <= overlap for k in kept):
                    kept.append(box)
            chosen += [[batch, kind, box] for box in kept]
    return np.array(chosen, np.int64).reshape(-1, 3)


def union_share(a, b):
    height = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    common = height * width
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    return common / (area(a) + area(b) - common)


def data(count, batches, classes):
    rng = np.random.default_rng(count)
    corners = rng.integers(0, 20, (batches, count, 2))
    boxes = np.concatenate([corners, corners + rng.integers(4, 12, corners.shape)], 2)
    scores = rng.permutation(batches * classes * count).reshape(batches, classes, count) / 1000
    return boxes.astype(np.float32), scores.astype(np.float32)


def suppression(limit, is_limit_given, is_dynamic, counts):
    constants = {"overlap": np.array([0.3], np.float32), "lowest": np.array([0.002], np.float32)}
    dims = ("B", "N", "C") if is_dynamic else (2, counts[0], 3)
    inputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [dims[0], dims[1], 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [dims[0], dims[2], dims[1]]),
    ]
    if is_limit_given:
        inputs.append(helper.make_tensor_value_info("limit", TensorProto.INT64, [1]))
    elif limit is not None:
        constants["limit"] = np.array([limit], np.int64)
    node = helper.make_node(
        "NonMaxSuppression",
        ["boxes", "scores", "" if limit is None else "limit", "overlap", "lowest"],
        ["chosen"],
    )
    graph = helper.make_graph(
        [node],
        "g",
        inputs,
        [helper.make_tensor_value_info("chosen", TensorProto.INT64, ["K", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    sets = []
    for count in counts:
        boxes, scores = data(count, 2, 3)
        values = {"boxes": boxes, "scores": scores}
        if is_limit_given:
            values["limit"] = np.array([limit], np.int64)
        # Without a limit nothing is chosen.
        expected = choose(boxes, scores, limit or 0, np.float32(0.3), np.float32(0.002))
        sets.append(DataSet(values, {"chosen": expected}))
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)]), sets


def cases():
    limits = {
        "one": 1,
        "few": 3,
        "many": 10**9,
        "all": INT64_MAX,
        "none": 0,
        "negative": -5,
        "smallest": -(2**63),
        "absent": None,
    }
    for name, limit in limits.items():
        for is_given in (False, True) if limit is not None else (False,):
            for is_dynamic in (False, True):
                counts = (40, 1, 0, 7) if is_dynamic else (40,)
                model, sets = suppression(limit, is_given, is_dynamic, counts)
                label = f"{name}_{'given' if is_given else 'constant'}_{'dynamic' if is_dynamic else 'static'}"
                yield Case(label, "The limit of boxes per class may be any number.", model, sets)
