"""Instructions whose layouts and rounding nobody writes down but the hardware: one kernel each, of one warp.

A kernel reads `inputs` words of 32 bits for each thread, executes the instruction, and writes `outputs` words. To add one, call
`instruction` with its PTX: %a0, %a1, … are the words read, %d0, … those that are written; `%shared` is the address of 8192 bytes of
shared memory. `numbers` says what the words hold. What a warpgroup does takes four warps. A kernel may have a tensor map of its input
(numbers as in tenon_tensor_map_desc in runtime/abi.h), which is at `%map`.
"""

from dataclasses import dataclass

import numpy as np

LANES = 32


@dataclass
class Instruction:
    name: str
    since: int  # compute capability, as 80
    version: str  # of PTX
    inputs: int
    outputs: int
    body: str
    numbers: list  # of each input word
    # Of results, relative to the largest one: 0 means bit by bit. `result` is what they hold.
    tolerance: float
    result: str
    threads: int = LANES
    map: list = None

    def runs_on(self, capability):
        """What is a warpgroup's one architecture alone has."""
        return capability == 90 if self.threads > LANES else capability >= self.since


INSTRUCTIONS = {}


def instruction(name, body, numbers, outputs, since=80, version="7.0", tolerance=0, result="bits", **options):
    INSTRUCTIONS[name] = Instruction(name, since, version, len(numbers), outputs, body, numbers, tolerance, result, **options)


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



def mma_sparse(shape, types, words, selectors, version="7.1", form="sp", tolerance=0):
    """The same of A without half of its columns, whose places are a word of each lane."""
    d, a, b, c = types.split(".")
    count_a, count_b, count_c = words
    firsts = (0, count_a, count_a + count_b)
    operands = ", ".join([registers("d", 0, count_c)] + [registers("a", *part) for part in zip(firsts, words)])
    for selector in range(selectors):
        instruction(f"mma.{form}.{shape}.{types}.selector{selector}",
                    f"mma.{form}.sync.aligned.{shape}.row.col.{types} {operands}, %a{sum(words)}, {selector};",
                    [a] * count_a + [b] * count_b + [c] * count_c + ["places"], count_c, version=version, tolerance=tolerance,
                    result=d)


for number in ("f16", "bf16"):
    mma_sparse("m16n8k16", f"f32.{number}.{number}.f32", (2, 2, 4), 4, tolerance=2e-6)
    mma_sparse("m16n8k32", f"f32.{number}.{number}.f32", (4, 4, 4), 2, tolerance=2e-6)
mma_sparse("m16n8k32", "f32.f16.f16.f32", (4, 4, 4), 2, "8.5", "sp::ordered_metadata", tolerance=2e-6)
mma_sparse("m16n8k32", "s32.s8.s8.s32", (2, 2, 4), 2)
for signs in ("s8.s8", "u8.s8", "s8.u8", "u8.u8"):
    mma_sparse("m16n8k64", f"s32.{signs}.s32", (4, 4, 4), 1)

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
for opcode in ("cvt.rn.f16x2.e4m3x2", "cvt.rn.f16x2.e5m2x2"):  # of all codes, NaN and infinities among them
    instruction(opcode, f"{{ .reg .b16 %h; cvt.u16.u32 %h, %a0; {opcode} %d0, %h; }}", ["bits"], 1, since=89, version="8.1")
instruction("cvt.rna.tf32.f32", CVT.format("cvt.rna.tf32.f32 %d0, %x;"), ["wide", "wide"], 1)
for opcode in ("ex2.approx.f32", "rcp.approx.f32", "rsqrt.approx.f32", "lg2.approx.f32", "tanh.approx.f32"):
    instruction(opcode, "{ .reg .f32 %x; mov.b32 %x, %a0; abs.f32 %x, %x; " + f"{opcode} %x, %x; mov.b32 %d0, %x; }}", ["f32"], 1,
                tolerance=1e-3, result="f32")


def descriptor(swizzle):
    """Of a matrix. Without a swizzle, neighbours in depth are a unit of 1024 bytes apart."""
    stride = 8 * (swizzle or 16)
    return {0: 0, 128: 1, 64: 2, 32: 3}[swizzle] << 62 | (stride >> 4) << 32 | (1024 >> 4) << 16


def wgmma(k, types, swizzle, tolerance=0, turned=False, version="8.0", selector=None):
    """64 x 16 of a warpgroup, both operands being the first rows of what all threads have stored; with a selector, of A without
    half of its columns, whose rows are half as long."""
    d, a, b = types.split(".")
    halves = a in ("f16", "bf16")
    signs = ", 1, 1" if d == "f32" else ""
    sparse = selector is not None
    form, places = ("mma_async.sp", f"%a16, {selector}, ") if sparse else ("mma_async", "")
    body = "mad.lo.u32 %t, %lane, 64, %shared; "
    body += "".join(f"st.shared.v4.b32 [%t+{4 * i}], {registers('a', i, 4)}; " for i in range(0, 16, 4))
    body += "".join(f"mov.b32 %d{i}, 0; " for i in range(8))
    body += "fence.proxy.async; bar.sync 0; wgmma.fence.sync.aligned; { .reg .b64 %m, %n; .reg .pred %p; setp.eq.u32 %p, 0, 0; "
    body += "shr.u32 %t, %shared, 4; cvt.u64.u32 %n, %t; "
    body += f"or.b64 %m, %n, {descriptor(swizzle // 2 if sparse else swizzle)}; or.b64 %n, %n, {descriptor(swizzle)}; "
    body += f"wgmma.{form}.sync.aligned.m64n16k{k}.{types} {registers('d', 0, 8)}, %m, %n, {places}%p{signs}"
    body += (", 0, 1" if turned else ", 0, 0") if halves else ""
    body += "; } wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;"
    name = f"wgmma.{'sp.' if sparse else ''}m64n16k{k}.{types}.swizzle{swizzle}{'.turned' if turned else ''}"
    instruction(name + (f".selector{selector}" if sparse else ""), body, [a] * 16 + ["places"] * sparse, 8, since=90, version=version,
                tolerance=tolerance, result=d, threads=128)


for swizzle in (0, 32, 64, 128):
    wgmma(16, "f32.f16.f16", swizzle, tolerance=2e-6)
wgmma(16, "f32.f16.f16", 128, tolerance=2e-6, turned=True)
wgmma(16, "f32.bf16.bf16", 128, tolerance=2e-6)
wgmma(16, "f32.bf16.bf16", 128, tolerance=2e-6, turned=True)
wgmma(8, "f32.tf32.tf32", 128, tolerance=2e-6)
for kinds in ("e4m3.e4m3", "e5m2.e5m2", "e4m3.e5m2", "e5m2.e4m3"):
    wgmma(32, f"f32.{kinds}", 128, tolerance=1e-3)
for signs in ("s8.s8", "u8.u8", "u8.s8", "s8.u8"):
    wgmma(32, f"s32.{signs}", 128, version="8.4")
for selector in (0, 1):
    wgmma(32, "f32.f16.f16", 128, tolerance=2e-6, version="8.2", selector=selector)
    wgmma(32, "f32.bf16.bf16", 128, tolerance=2e-6, version="8.2", selector=selector)
for swizzle in (64, 128):
    for signs in ("s8.s8", "u8.u8", "u8.s8", "s8.u8"):
        wgmma(64, f"s32.{signs}", swizzle, version="8.4", selector=0)


def copied_box(name, coordinates, box_bytes, words, numbers, tap=""):
    """A box of the input, of `inputs` words a lane, as it lies in shared memory."""
    rank, mode = len(coordinates), "im2col" if tap else "tile"
    body = "setp.eq.u32 %p0, %lane, 0; @!%p0 bra WAIT; mbarrier.init.shared.b64 [%shared+4096], 1; fence.mbarrier_init.release.cluster; "
    body += f"mbarrier.arrive.expect_tx.shared.b64 %state, [%shared+4096], {box_bytes}; "
    body += f"cp.async.bulk.tensor.{rank}d.shared::cluster.global.{mode}.mbarrier::complete_tx::bytes [%shared], "
    body += f"[%map, {{{', '.join(map(str, coordinates))}}}], [%shared+4096]{tap}; WAIT: bar.warp.sync -1; "
    body += "AGAIN: mbarrier.try_wait.parity.shared::cta.b64 %p0, [%shared+4096], 0; @!%p0 bra AGAIN; "
    body += f"mad.lo.u32 %t, %lane, {4 * words}, %shared; "
    body += "".join(f"ld.shared.b32 %d{i}, [%t+{4 * i}]; " for i in range(words))
    instruction(name, body, ["bits"] * 16, words, since=90, version="8.0", map=numbers)


def map_of(sizes, strides, box, row_bytes, steps=(), reach=None):
    """The numbers of a map of 16-bit words, innermost dimension first."""

    def fill(values, count, otherwise):
        return [*values, *[otherwise] * (count - len(values))]

    pairs = [number for size in fill(sizes, 5, 0) for number in (size, 0)]
    pairs += [number for stride in fill(strides, 4, 0) for number in (stride, 0)]
    return [0, 0, 1, len(sizes), row_bytes, *pairs, *fill(box, 5, 1), *fill(steps, 5, 1), int(reach is not None),
            *fill(reach or (), 3, 0)]


# 16 rows of 64 words of 16 bits, of which the box's last ones are outside.
for row_bytes in (32, 64, 128):
    lines = 1024 // row_bytes
    copied_box(f"copy.tile.swizzle{row_bytes}", [16, 12], 1024, 8, map_of([64, 16], [128], [row_bytes // 2, lines], row_bytes))
# Two images of 3 x 5 pixels of 16 channels, through which a filter of 2 x 3 goes by steps of two along W.
copied_box("copy.im2col", [0, 2, 0, 0], 512, 4, map_of([16, 5, 3, 2], [32, 160, 480], [16, 16], 32, (1, 2, 1, 1), (2, 1)), ", {1, 1}")


def make_ptx(entry, target):
    """The kernel: a pointer to the words of all threads, one to the results."""
    loads = "\n".join(f"  ld.global.b32 %a{i}, [%in+{4 * i}];" for i in range(entry.inputs))
    stores = "\n".join(f"  st.global.b32 [%out+{4 * i}], %d{i};" for i in range(entry.outputs))
    return f""".version {entry.version}
.target {target}
.address_size 64
.visible .entry golden(.param .u64 from, .param .u64 to{", .param .align 64 .b8 boxes[128]" if entry.map else ""})
.reqntid {entry.threads}
{{
  .reg .b32 %a<17>, %d<8>, %lane, %t, %shared;
  .reg .b64 %in, %out, %step, %map, %state;
  .reg .pred %p<1>;
  .shared .align 1024 .b8 memory[8192];
{"  mov.b64 %map, boxes; cvta.param.u64 %map, %map;" if entry.map else ""}
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


def make_words(kind, rng, count):
    """A word for each thread."""
    if kind == "f16":
        return rng.uniform(-1, 1, (count, 2)).astype(np.float16).view(np.uint32)[:, 0]
    if kind == "bf16":
        return bfloat16_bits(rng.uniform(-1, 1, (count, 2))).view(np.uint32)[:, 0]
    if kind in ("f32", "tf32"):
        return rng.uniform(-1, 1, count).astype(np.float32).view(np.uint32)
    if kind == "wide":  # of any size, as far as halves reach and beyond, and what is special
        values = (rng.uniform(-1, 1, count) * np.exp2(rng.integers(-40, 40, count))).astype(np.float32)
        values[:4] = [0, -0.0, np.inf, -np.inf]
        return values.view(np.uint32)
    if kind in ("e4m3", "e5m2"):  # without the highest exponents, which hold NaN
        return rng.integers(0, 1 << 32, count, np.uint32) & np.uint32(0xB7B7B7B7)
    if kind == "places":  # of two in four columns, ascending
        pairs = np.array([first | second << 2 for second in range(4) for first in range(second)], np.uint32)
        shifts = np.arange(0, 32, 4, dtype=np.uint32)
        return np.bitwise_or.reduce(pairs[rng.integers(0, len(pairs), (count, 8))] << shifts, axis=1)
    return rng.integers(0, 1 << 32, count, np.uint32)


def make_inputs(entry, seed):
    rng = np.random.default_rng(seed)
    columns = [make_words(kind, rng, entry.threads) for kind in entry.numbers]
    return np.ascontiguousarray(np.stack(columns, axis=1))
