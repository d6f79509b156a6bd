"""Scan of opset 8: a batch in front of everything, and sequences of several lengths."""

import numpy as np

from cases import Case, DataSet

HEAD = '<ir_version: 3, opset_import: ["": 8]>\n'
BODY = """body = b (float[2] sum, float[2] next) => (float[2] sum_out, float[2] scaled) {
            sum_out = Add (sum, next)
            scaled = Mul (sum_out, next)
          }"""


def scan(initial, x, lengths, backwards=False):
    """The last sums and the stacks; what is behind a sequence's end is zero here, and anything in ONNX."""
    sums, stacks = initial.copy(), np.zeros_like(x)
    for b, length in enumerate(lengths):
        for t in range(length):
            element = x[b, length - 1 - t if backwards else t]
            sums[b] += element
            stacks[b, t] = sums[b] * element
    return {"y": sums, "z": stacks}


def cases():
    initial, x = np.array([[1, 2], [-1, 0], [4, 4]], np.float32), np.arange(24, dtype=np.float32).reshape(3, 4, 2) / 8
    for direction in (0, 1):
        yield Case(
            f"all_{direction}", "without lengths, all sequences are scanned to their ends",
            HEAD + f"""g (float[3, 2] initial, float[3, 4, 2] x) => (float[3, 2] y, float[3, 4, 2] z) {{
              y, z = Scan <num_scan_inputs = 1, directions = [{direction}], {BODY}> ("", initial, x)
            }}""",
            [DataSet({"initial": initial, "x": x}, scan(initial, x, [4] * 3, direction == 1))],
        )
        yield Case(
            f"lengths_{direction}", "a state stays once its sequence has ended, backwards from its own end",
            HEAD + f"""g (int64[N] lengths, float[N, 2] initial, float[N, T, 2] x) => (float[N, 2] y, float[N, T, 2] z) {{
              y, z = Scan <num_scan_inputs = 1, directions = [{direction}], {BODY}> (lengths, initial, x)
            }}""",
            [
                DataSet({"lengths": np.array(lengths), "initial": initial, "x": x}, scan(initial, x, lengths, direction == 1))
                for lengths in ([4, 2, 1], [0, 3, 4])
            ],
        )
