"""Inputs and outputs whose elements take less than a byte."""
import ml_dtypes
import numpy as np
import onnx
import pytest

import tenon

TYPES = [("int4", 22, ml_dtypes.int4, range(-8, 8)), ("uint4", 21, ml_dtypes.uint4, range(16)),
         ("int2", 26, ml_dtypes.int2, range(-2, 2)), ("uint2", 25, ml_dtypes.uint2, range(4)),
         ("float4e2m1", 23, ml_dtypes.float4_e2m1fn, [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.5, -6])]


def compile_text(tmp_path, text):
    model = onnx.parser.parse_model(f'<ir_version: 13, opset_import: ["": 25]>\n{text}')
    return tenon.compile(model, output=str(tmp_path / "model.so"))


@pytest.mark.parametrize("name, number, dtype, values", TYPES, ids=[each[0] for each in TYPES])
def test_values_go_in_and_out(tmp_path, name, number, dtype, values):
    model = compile_text(tmp_path, f"""
        g ({name}[N, 3] x) => (float[N, 3] y, {name}[N, 3] z) {{
          y = Cast <to = 1> (x)
          z = Cast <to = {number}> (y)
        }}""")
    numbers = np.resize(np.array(values, np.float32), (7, 3))
    result = model.run([numbers.astype(dtype)])
    np.testing.assert_array_equal(result["y"], numbers)
    assert result["z"].dtype == dtype
    np.testing.assert_array_equal(result["z"].astype(np.float32), numbers)
    fed_back = model.run([result["z"]])
    np.testing.assert_array_equal(fed_back["y"], numbers)


def test_what_does_not_fit_is_named(tmp_path):
    model = compile_text(tmp_path, "g (int4[2] x) => (int4[2] y) { y = Identity (x) }")
    with pytest.raises(TypeError, match="input 'x': expected dtype int4, found int8"):
        model.run([np.zeros(2, np.int8)])
    with pytest.raises(TypeError, match="output 'y': int4 elements are not written to a given array"):
        model.run([np.zeros(2, ml_dtypes.int4)], outputs={"y": np.zeros(2, ml_dtypes.int4)})
