"""Normalizations of which only a run tells some sizes: of the operand, of scale and bias, or of both."""

import numpy as np

from cases import Case, DataSet

SHAPES = ["N, M, 8", "N, M, K", "2, M, K", "2, 3, 8"]
SCALES = ["8", "S", "M, S", "3, 8"]


def cases():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 8), dtype=np.float32)
    for i, shape in enumerate(SHAPES):
        for j, scale in enumerate(SCALES):
            rank = 1 + scale.count(",")
            size = x.shape[-rank:]
            inputs = {"x": x, "s": rng.standard_normal(size, dtype=np.float32)}
            yield Case(
                f"rms_{i}{j}",
                f"x [{shape}], scale [{scale}]",
                f"""<ir_version: 10, opset_import: ["": 23]> g (float[{shape}] x, float[{scale}] s) => (float[A, B, C] y) {{
                    y = RMSNormalization<axis = {-rank}>(x, s)
                }}""",
                [DataSet(inputs)],
            )
            yield Case(
                f"layer_{i}{j}",
                f"x [{shape}], scale and bias [{scale}], with mean and deviation",
                f"""g (float[{shape}] x, float[{scale}] s, float[{scale.replace("S", "T")}] b)
                    => (float[A, B, C] y, float[D, E, F] m, float[G, H, I] d) {{
                    y, m, d = LayerNormalization<axis = {-rank}>(x, s, b)
                }}""",
                [DataSet({**inputs, "b": rng.standard_normal(size, dtype=np.float32)})],
            )
    image = rng.standard_normal((2, 6, 4, 5), dtype=np.float32)
    for opset, size in ((18, 3), (21, 6)):
        for name, shape in (("channels", "N, C, H, W"), ("batch", "N, 6, H, W")):
            inputs = {"x": image, "s": rng.standard_normal(size, dtype=np.float32)}
            inputs["b"] = rng.standard_normal(size, dtype=np.float32)
            yield Case(
                f"group_{name}_{opset}",
                f"groups of channels of [{shape}]",
                f"""<ir_version: 10, opset_import: ["": {opset}]>
                g (float[{shape}] x, float[S] s, float[T] b) => (float[N, C, H, W] y) {{
                    y = GroupNormalization<num_groups = 3>(x, s, b)
                }}""",
                [DataSet(inputs)],
                {"rtol": 1e-4, "atol": 1e-5},
            )
