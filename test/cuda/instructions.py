"""Instructions whose layouts and rounding nobody writes down but the hardware: one kernel each, of one warp.

A kernel reads `inputs` words of 32 bits for each lane, executes the instruction, and writes `outputs` words. To add one, call
`instruction` with its PTX: %a0, %a1, … are the words read, %d0, … those that are written; `%shared` is the address of 512 bytes of
shared memory. `numbers` says what the words hold.
"""

from dataclasses import dataclass

import numpy as np

LANES = 32


@dataclass
class Instruction:
    name: str
    since: int  # compute capability, as 80; what needs exactly one is "90a"
    version: str  # of PTX
    inputs: int
    outputs: int
    body: str
    numbers: list  # of each input word
    # Of results, relative to the largest one: 0 means bit by bit. `result` is what they hold.
    tolerance: float
    result: str


INSTRUCTIONS = {}


def instruction(name, body, numbers, outputs, since=80, version="7.0", tolerance=0, result="bits"):
    INSTRUCTIONS[name] = Instruction(name, since, version, len(numbers), outputs, body, numbers, tolerance, result)


def registers(letter, first, count):
    return "{" + ", ".join(f"%{letter}{i}" for i in range(first, first + count)) + "}"


def mma(shape, types, words, since=80, version="7.0", tolerance=0, suffix=""):
    """D = A B + C; `words` are those of A, B and C that a lane has."""
    d, a, b, c = types.split(".")
    count_a, count_b, count_c = words
    operands = ", ".join(
        [registers("d", 0, count_c), registers("a", 0, count_a), registers("a", count_a, count_b),
         registers("a", count_a + count_b, count_c)]
    )
    instruction(f"mma.{shape}.{types}{suffix}",
                f"mma.sync.aligned.{shape}.row.col{suffix}.{types} {operands};",
                [a] * count_a + [b] * count_b + [c] * count_c, count_c, since, version, tolerance, d)


# Sums of halves and of f32 are rounded to fewer bits by the hardware than here.
mma("m16n8k8", "f32.f16.f16.f32", (2, 1, 4), tolerance=2e-6)
mma("m16n8k16", "f32.f16.f16.f32", (4, 2, 4), tolerance=2e-6)
mma("m16n8k16", "f16.f16.f16.f16", (4, 2, 2), tolerance=2e-3)
mma("m16n8k8", "f32.bf16.bf16.f32", (2, 1, 4), tolerance=2e-6)
mma("m16n8k16", "f32.bf16.bf16.f32", (4, 2, 4), tolerance=2e-6)
mma("m16n8k4", "f32.tf32.tf32.f32", (2, 1, 4), tolerance=2e-6)
mma("m16n8k8", "f32.tf32.tf32.f32", (4, 2, 4), tolerance=2e-6)
for signs in ("s8.s8", "u8.s8", "s8.u8", "u8.u8"):
    mma("m16n8k16", f"s32.{signs}.s32", (2, 1, 4))
    mma("m16n8k32", f"s32.{signs}.s32", (4, 2, 4))
mma("m16n8k32", "s32.s4.s4.s32", (2, 1, 4))
mma("m16n8k64", "s32.s4.s4.s32", (4, 2, 4))
mma("m16n8k32", "s32.s8.s8.s32", (4, 2, 4), suffix=".satfinite")
for pair in ("e4m3.e4m3", "e5m2.e5m2", "e4m3.e5m2"):
    mma("m16n8k32", f"f32.{pair}.f32", (4, 2, 4), since=89, version="8.4", tolerance=1e-3)

PUT = "mad.lo.u32 %t, %lane, 16, %shared; st.shared.v4.b32 [%t], {%a0, %a1, %a2, %a3}; bar.sync 0; "
for trans in ("", ".trans"):
    for count in (1, 2, 4):
        instruction(f"ldmatrix.x{count}{trans}",
                    PUT + f"ldmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16 {registers('d', 0, count)}, [%t];",
                    ["bits"] * 4, count)
        instruction(f"stmatrix.x{count}{trans}",
                    PUT + f"stmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16 [%t], {registers('a', 0, count)}; "
                    "bar.sync 0; ld.shared.v4.b32 {%d0, %d1, %d2, %d3}, [%t];",
                    ["bits"] * 4, 4, since=90, version="7.8")

CVT = "{{ .reg .f32 %x; .reg .f32 %y; mov.b32 %x, %a0; mov.b32 %y, %a1; {} }}"
HALF = "{{ .reg .b16 %h; .reg .f32 %x; mov.b32 %x, %a0; {} %h, %x; cvt.u32.u16 %d0, %h; }}"
for opcode, since, version in (("cvt.rn.f16.f32", 80, "7.0"), ("cvt.rz.f16.f32", 80, "7.0"), ("cvt.rn.bf16.f32", 80, "7.0"),
                               ("cvt.rz.bf16.f32", 80, "7.0"), ("cvt.rn.satfinite.e4m3x2.f32", 89, "8.1"),
                               ("cvt.rn.satfinite.e5m2x2.f32", 89, "8.1")):
    if "x2" in opcode:
        body = "{{ .reg .b16 %h; .reg .f32 %x; .reg .f32 %y; mov.b32 %x, %a0; mov.b32 %y, %a1; {} %h, %x, %y; cvt.u32.u16 %d0, %h; }}"
        instruction(opcode, body.format(opcode), ["f32", "f32"], 1, since, version)
    else:
        instruction(opcode, HALF.format(opcode), ["wide"], 1, since, version)
for opcode in ("cvt.rn.f16x2.f32", "cvt.rn.bf16x2.f32"):
    instruction(opcode, CVT.format(f"{opcode} %d0, %x, %y;"), ["wide", "wide"], 1)
instruction("cvt.rna.tf32.f32", CVT.format("cvt.rna.tf32.f32 %d0, %x;"), ["wide", "wide"], 1)
for opcode in ("ex2.approx.f32", "rcp.approx.f32", "rsqrt.approx.f32", "lg2.approx.f32", "tanh.approx.f32"):
    instruction(opcode, "{ .reg .f32 %x; mov.b32 %x, %a0; abs.f32 %x, %x; " + f"{opcode} %x, %x; mov.b32 %d0, %x; }}", ["f32"], 1,
                tolerance=1e-3, result="f32")


def make_ptx(entry, target):
    """The kernel: a pointer to the words of all lanes, one to the results."""
    loads = "\n".join(f"  ld.global.b32 %a{i}, [%in+{4 * i}];" for i in range(entry.inputs))
    stores = "\n".join(f"  st.global.b32 [%out+{4 * i}], %d{i};" for i in range(entry.outputs))
    return f""".version {entry.version}
.target {target}
.address_size 64
.visible .entry golden(.param .u64 from, .param .u64 to)
.reqntid {LANES}
{{
  .reg .b32 %a<16>, %d<8>, %lane, %t, %shared;
  .reg .b64 %in, %out, %step;
  .shared .align 128 .b8 memory[512];
  mov.u32 %shared, memory;
  mov.u32 %lane, %tid.x;
  ld.param.u64 %in, [from];
  ld.param.u64 %out, [to];
  mul.wide.u32 %step, %lane, {4 * entry.inputs};
  add.u64 %in, %in, %step;
  mul.wide.u32 %step, %lane, {4 * entry.outputs};
  add.u64 %out, %out, %step;
{loads}
  {entry.body}
{stores}
  ret;
}}
"""


def bfloat16_bits(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def make_words(kind, rng):
    """A word for each lane."""
    if kind == "f16":
        return rng.uniform(-1, 1, (LANES, 2)).astype(np.float16).view(np.uint32)[:, 0]
    if kind == "bf16":
        return bfloat16_bits(rng.uniform(-1, 1, (LANES, 2))).view(np.uint32)[:, 0]
    if kind in ("f32", "tf32"):
        return rng.uniform(-1, 1, LANES).astype(np.float32).view(np.uint32)
    if kind == "wide":  # of any size, as far as halves reach and beyond, and what is special
        values = (rng.uniform(-1, 1, LANES) * np.exp2(rng.integers(-40, 40, LANES))).astype(np.float32)
        values[:4] = [0, -0.0, np.inf, -np.inf]
        return values.view(np.uint32)
    if kind in ("e4m3", "e5m2"):  # without the highest exponents, which hold NaN
        return rng.integers(0, 1 << 32, LANES, np.uint32) & np.uint32(0xB7B7B7B7)
    return rng.integers(0, 1 << 32, LANES, np.uint32)


def make_inputs(entry, seed):
    rng = np.random.default_rng(seed)
    columns = [make_words(kind, rng) for kind in entry.numbers]
    return np.ascontiguousarray(np.stack(columns, axis=1))
