"""Copies the binary argv[1] to argv[2] with one bit flipped: in its weights or, if argv[3] is "code", in the
middle of what lies before them. The seal at the end tells where that is (runtime/seal.h)."""

import struct
import sys
from pathlib import Path

source, target, part = sys.argv[1:]
data = bytearray(Path(source).read_bytes())
_, weights, size, _, _, mark = struct.unpack("<5Q8s", data[-48:])
assert mark == b"TENONEND" and size > 0
data[weights // 2 if part == "code" else weights + 1] ^= 16
Path(target).write_bytes(data)
