"""parse_onnx.py MODEL.txt MODEL.onnx: writes the model that a file gives in ONNX's textual form."""

import sys
from pathlib import Path

import onnx
import onnx.parser

onnx.save(onnx.parser.parse_model(Path(sys.argv[1]).read_text()), sys.argv[2])
