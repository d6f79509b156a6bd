"""tenon compare-precision: the table and the page, on the digits model."""
import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from sklearn.datasets import load_digits

import tenon

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
DIGITS = ROOT / "examples" / "digits" / "model.onnx"


def call(*arguments):
    command = [str(part) for part in (BUILD / "bin" / "tenon", *arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    images = np.minimum(load_digits().images * 16, 255).astype(np.uint8)[:, None]
    path = tmp_path_factory.mktemp("digits") / "samples.npz"
    np.savez(path, image=images[:8])
    return path


@pytest.fixture(scope="module")
def lowered(samples, tmp_path_factory):
    """The model in int8, as others load it."""
    path = tmp_path_factory.mktemp("lowered") / "digits.onnx"
    tenon.quantize(DIGITS, samples, budget=None, allow=["int8"], repair=False, output=path)
    return path


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.open, self.counts, self.links = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "line", "circle", "polyline", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag


def test_lists_tensors_by_their_loss(samples, lowered):
    result = call("compare-precision", DIGITS, lowered, "--data", samples)
    assert result.returncode == 0, result.stderr
    losses = [float(loss) for loss in re.findall(r"^ +(-?[\d.]+) dB", result.stdout, re.MULTILINE)]
    assert len(losses) >= 3 and losses == sorted(losses)
    assert 15 < losses[0] < 60
    nodes = {node.name or node.output[0]: node.op_type for node in onnx.load(DIGITS).graph.node}
    for name, op in re.findall(r"\(([^(),]+), (\w+)\)", result.stdout)[1:]:
        assert nodes[name] == op
    assert ", output" in result.stdout


def test_writes_a_page_without_links(samples, lowered, tmp_path):
    page = tmp_path / "page.html"
    result = call("compare-precision", DIGITS, lowered, "--data", samples, "--html", page, "--top", 1)
    assert result.returncode == 0, result.stderr
    text = page.read_text()
    outline = Outline(text)
    assert not outline.open and not outline.links and "http" not in text
    rows = outline.counts["tr"] - 1
    assert outline.counts["circle"] == rows
    assert outline.counts["svg"] >= 2
    assert len(re.findall(r"^ +-?[\d.]+ dB|^ +exact", result.stdout, re.MULTILINE)) == 1


def test_compares_16_bits(samples):
    result = call("compare-precision", DIGITS, "--precision", "bf16", "--data", samples)
    assert result.returncode == 0, result.stderr
    assert "in bf16 against fp32, on 8 samples" in result.stdout


def test_says_what_is_missing(samples, tmp_path):
    assert "say what is compared" in call("compare-precision", DIGITS, "--data", samples).stderr
    assert "say --data PATH" in call("compare-precision", DIGITS, "--precision", "bf16").stderr
    other = tmp_path / "other.onnx"
    value = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, [1, 1, 8, 8])
    result = helper.make_tensor_value_info("cast", onnx.TensorProto.FLOAT, [1, 1, 8, 8])
    onnx.save(helper.make_model(
        helper.make_graph([helper.make_node("Cast", ["image"], ["cast"], to=1)], "g", [value], [result]),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8), other)
    message = call("compare-precision", DIGITS, other, "--data", samples).stderr
    assert "have no tensor of floating point numbers in common" in message
