"""ImageDecoder: pictures of every format against Pillow, and what is no picture."""
import io
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

import tenon

def picture(mode="RGB"):
    y, x = np.mgrid[0:23, 0:31]
    pixels = np.stack([x * 8, y * 11, (x * y) % 256], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def save(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return np.frombuffer(file.getvalue(), np.uint8)


FILES = {
    "bmp": save(picture(), format="bmp"),
    "bmp of a palette": save(picture("P"), format="bmp"),
    "bmp in black and white": save(picture("1"), format="bmp"),
    "jpeg": save(picture(), format="jpeg"),
    "jpeg without subsampling": save(picture(), format="jpeg", subsampling=0),
    "progressive jpeg": save(picture(), format="jpeg", progressive=True),
    "grey jpeg": save(picture("L"), format="jpeg"),
    "jpeg 2000": save(picture(), format="jpeg2000"),
    "lossy jpeg 2000": save(picture(), format="jpeg2000", irreversible=True, quality_layers=[20]),
    "png": save(picture(), format="png"),
    "png of a palette": save(picture("P"), format="png"),
    "png with opacity": save(picture("RGBA"), format="png"),
    "ppm": save(picture(), format="ppm"),
    "pgm": save(picture("L"), format="ppm"),
    "pbm": save(picture("1"), format="ppm"),
    "tiff": save(picture(), format="tiff"),
    "packed tiff": save(picture(), format="tiff", compression="tiff_lzw"),
    "tiff of inks": save(picture("CMYK"), format="tiff"),
    "webp": save(picture(), format="webp"),
    "exact webp": save(picture(), format="webp", lossless=True),
    "moving webp": save(picture(), format="webp", save_all=True, append_images=[picture().rotate(90)]),
}


def compile_decoder(folder, pixel_format="RGB"):
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        g (uint8[N] file) => (uint8[H, W, C] pixels) {{ [decode] pixels = ImageDecoder <pixel_format = "{pixel_format}"> (file) }}""")
    return tenon.compile(model, output=str(folder / f"{pixel_format}.so"))


@pytest.fixture(scope="module")
def decoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoders")
    return {name: compile_decoder(folder, name) for name in ("RGB", "BGR", "Grayscale")}


def decode(decoders, file, pixel_format="RGB"):
    return decoders[pixel_format].run({"file": file})["pixels"]


@pytest.mark.parametrize("name", FILES, ids=lambda name: name.replace(" ", "-"))
def test_pixels_are_those_of_pillow(name, decoders):
    image = Image.open(io.BytesIO(FILES[name].tobytes()))
    image.load()
    colors = np.array(image.convert("RGB"))
    grey = np.array((image if image.mode in ("1", "L") else image.convert("RGB")).convert("L"))
    np.testing.assert_array_equal(decode(decoders, FILES[name]), colors)
    np.testing.assert_array_equal(decode(decoders, FILES[name], "BGR"), colors[..., ::-1])
    np.testing.assert_array_equal(decode(decoders, FILES[name], "Grayscale"), grey[..., np.newaxis])


@pytest.mark.parametrize("name", FILES, ids=lambda name: name.replace(" ", "-"))
def test_what_ends_too_early_is_no_picture(name, decoders):
    """ONNX: an empty matrix. JPEG 2000 may be cut: what is there is a picture of less quality."""
    for length in (0, 1, 12, 40):
        assert decode(decoders, FILES[name][:length]).shape == (0, 0, 3), length


def test_what_is_no_picture_is_empty(decoders):
    for file in (b"", b"\xff\xd8\xff", b"GIF89a", b"BM" + bytes(60), b"P6 3 3 255\n", b"P5 -1 2 255\n0", bytes(range(200))):
        assert decode(decoders, np.frombuffer(file, np.uint8)).shape == (0, 0, 3)
        assert decode(decoders, np.frombuffer(file, np.uint8), "Grayscale").shape == (0, 0, 1)


def test_damaged_pictures_end_no_process(decoders):
    random = np.random.default_rng(1)
    for _ in range(200):
        file = FILES[random.choice(list(FILES))].copy()
        file[random.integers(0, len(file), 4)] = random.integers(0, 256, 4)
        assert decode(decoders, file).shape[2] == 3


def test_pictures_of_one_run_after_another(decoders):
    for size in (4, 9, 2):
        file = save(picture().resize((size, 3)), format="png")
        assert decode(decoders, file).shape == (3, size, 3)


def test_a_decoded_picture_is_computed_with(tmp_path, decoders):
    model = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 20]>
        g (uint8[N] file) => (float[C] mean) {
          pixels = ImageDecoder (file)
          numbers = Cast <to = 1> (pixels)
          axes = Constant <value_ints = [0, 1]> ()
          mean = ReduceMean <keepdims = 0> (numbers, axes)
        }""")
    compiled = tenon.compile(model, output=str(tmp_path / "model.so"))
    expected = np.array(picture()).astype(np.float32).mean(axis=(0, 1))
    np.testing.assert_allclose(compiled.run({"file": FILES["png"]})["mean"], expected, rtol=1e-5)


def test_files_of_a_loop(tmp_path, decoders):
    """Each turn's picture is given back when the next one is decoded."""
    model = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 20]>
        g (uint8[N] file, int64 n, int64 start) => (int64 sum) {
          c = Constant <value = bool {1}> ()
          sum = Loop <body = b (int64 i, bool k, int64 s) => (bool l, int64 t) {
            l = Identity (k)
            pixels = ImageDecoder (file)
            size = Size (pixels)
            t = Add (s, size)
          }> (n, c, start)
        }""")
    compiled = tenon.compile(model, output=str(tmp_path / "model.so"))
    result = compiled.run({"file": FILES["bmp"], "n": np.array(50), "start": np.array(1)})["sum"]
    assert result == 1 + 50 * 23 * 31 * 3


def test_a_missing_library_is_an_error_that_names_the_node(tmp_path):
    compile_decoder(tmp_path)
    script = f"""
import numpy as np, tenon
try:
    tenon.load(r"{tmp_path / 'RGB.so'}").run({{"file": np.zeros(9, np.uint8)}})
except Exception as error:
    print(error)
"""
    environment = {**os.environ, "TENON_IMAGES": "/nowhere/libtenon_images.so"}
    output = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True).stdout
    assert "node 'decode' (ImageDecoder): there is no library to decode pictures with" in output
    assert "/nowhere/libtenon_images.so" in output


def test_what_the_decoder_takes(tmp_path):
    for text, message in [("float[N] file", "takes the bytes of a file"), ("uint8[N, 2] file", "takes the bytes of a file")]:
        model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 20]>\ng ({text}) => (uint8[H, W, C] y) {{ y = ImageDecoder (file) }}')
        with pytest.raises(Exception, match=message):
            tenon.compile(model, output=str(tmp_path / "model.so"))
    with pytest.raises(Exception, match="expected RGB, BGR or Grayscale, found 'CMYK'"):
        compile_decoder(tmp_path, "CMYK")
