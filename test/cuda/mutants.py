"""Bugs in PTX: each operator changes one instruction, in a way that makes the kernel wrong.

An operator is a pattern and what becomes of a line that it matches, or of as many as it has, as a function or a template; every line that one matches gives a
mutant. Operators change only what matters for any data: taking a barrier away, say, but not a comparison that may never be decided the other way.
"""

import re
from dataclasses import dataclass


@dataclass
class Mutant:
    operator: str
    line: int
    before: str
    after: str
    text: str


def shift_offset(by):
    """The address of an access: [%rd1] or [%rd1+64]."""

    def change(match):
        offset = int(match.group("offset") or 0) + by
        return f"{match.group('head')}[{match.group('base')}+{offset}]{match.group('tail')}"

    return change


def access(opcode):
    return rf"^(?P<head>\s*(?:@!?%p\d+\s+)?{opcode}\S*\s+[^\[]*)\[(?P<base>%\w+)(?:\+(?P<offset>-?\d+))?\](?P<tail>.*)$"


def plus_one(match):
    return f"{match.group('head')}{int(match.group('number')) + 1}{match.group('tail')}"


SHUFFLE = r"^(?P<head>\s*shfl\.sync\.\w+\.b32\s+)(?P<to>[%\w|]+), (?P<value>%\w+), (?P<lane>\d+), (?P<clamp>\d+), (?P<mask>-?\d+);"


def shuffle(lane=lambda lane: lane, mask=None):
    def change(match):
        parts = match.groupdict()
        parts["lane"] = lane(int(parts["lane"]))
        parts["mask"] = mask or parts["mask"]
        return "{head}{to}, {value}, {lane}, {clamp}, {mask};".format(**parts)

    return change


OPERATORS = {
    # Threads meet.
    "no barrier": (r"^\s*(bar|barrier)\.sync\S*\s.*$", lambda match: ""),
    "no wait for copies": (r"^\s*cp\.async\.wait_(group|all)\b.*$", lambda match: ""),
    "wait for one group less": (r"^(?P<head>\s*(?:cp\.async|wgmma)\.wait_group\S*\s+)(?P<number>\d+)(?P<tail>;.*)$", plus_one),
    "no commit": (r"^\s*(cp\.async|wgmma)\S*\.commit_group\S*;.*$", lambda match: ""),
    # At barriers in shared memory, and by the copy engine.
    "no wait for a phase": (r"^\s*@!over bra \S+;$", lambda match: ""),
    "always the same phase": (r"^(?P<head>\s*mbarrier\.try_wait\S* \w+, \[[^\]]*\], )%r\d+(?P<tail>;)$", r"\g<head>0\g<tail>"),
    "no arrival": (r"^\s*mbarrier\.arrive\.(shared|release)\S*\s.*$", lambda match: ""),
    "two arrivals": (r"^\s*mbarrier\.arrive\.(shared|release)\S*\s.*$", lambda match: match.group(0) + match.group(0)),
    "bytes that are not expected": (
        r"^(?P<head>\s*mbarrier\.arrive)\.expect_tx(?P<tail>\S*\s+%rd\d+, \[[^\]]*\]), %r\d+;$",
        r"\g<head>\g<tail>;",
    ),
    "no copy of a box": (r"^\s*cp\.async\.bulk\.tensor\S*\s.*$", lambda match: ""),
    "coordinates of a box swapped": (
        r"^(?P<head>\s*cp\.async\.bulk\.tensor\S*\s+\[[^,]*, \{)(?P<a>%r\d+), (?P<b>%r\d+)(?P<tail>.*)$",
        r"\g<head>\g<b>, \g<a>\g<tail>",
    ),
    "box at another stage": (
        r"^(?P<head>\s*cp\.async\.bulk\.tensor\S*\s+\[%rd\d+)(?P<tail>\].*)$", r"\g<head>+1024\g<tail>"
    ),
    "no fence": (r"^\s*(fence\.proxy|wgmma\.fence)\S*;.*$", lambda match: ""),
    # Blocks of a cluster meet, and share what the copy engine brings.
    "no arrival at the cluster's barrier": (r"^\s*barrier\.cluster\.arrive\S*;$", lambda match: ""),
    "no wait for the cluster": (r"^\s*barrier\.cluster\.wait\S*;$", lambda match: ""),
    "blocks of a cluster do not meet": (r"^\s*barrier\.cluster\.arrive\S*;\n\s*barrier\.cluster\.wait\S*;$", lambda match: ""),
    "copied to the first block alone": (r"^(?P<head>\s*cp\.async\.bulk\S*multicast::cluster\s.*), %rs\d+;$", r"\g<head>, 1;"),
    "copied to the second block alone": (r"^(?P<head>\s*cp\.async\.bulk\S*multicast::cluster\s.*), %rs\d+;$", r"\g<head>, 2;"),
    "copied to the own block alone": (
        r"^(?P<head>\s*cp\.async\.bulk\S*)\.multicast::cluster(?P<tail>\s.*), %rs\d+;$", r"\g<head>\g<tail>;"
    ),
    "every block is the first": (r"^(?P<head>\s*mov\.u32\s+%r\d+, )%cluster_ctarank;$", r"\g<head>0;"),
    "every block is the second": (r"^(?P<head>\s*mov\.u32\s+%r\d+, )%cluster_ctarank;$", r"\g<head>1;"),
    "arrival at the first block alone": (r"^(?P<head>\s*mapa\S*\s+\w+, %rd\d+, )%r\d+;$", r"\g<head>0;"),
    "arrival at the second block alone": (r"^(?P<head>\s*mapa\S*\s+\w+, %rd\d+, )%r\d+;$", r"\g<head>1;"),
    "arrival at another barrier": (r"^(?P<head>\s*mbarrier\.arrive\.release\S*\s+_, \[\w+)\];$", r"\g<head>+8];"),
    "arrival seen by the own block alone": (r"^(?P<head>\s*mbarrier\.arrive\.release\.)cluster(?P<tail>\..*)$", r"\g<head>cta\g<tail>"),
    "wait for the own block alone": (r"^(?P<head>\s*mbarrier\.try_wait\S*\.acquire\.)cluster(?P<tail>\..*)$", r"\g<head>cta\g<tail>"),
    # Lanes exchange values.
    "the same lane twice": (SHUFFLE, shuffle(lane=lambda lane: 8 if lane == 16 else 16)),
    "half of the warp": (SHUFFLE, shuffle(mask="65535")),
    "no exchange": (SHUFFLE, shuffle(lane=lambda lane: 0)),
    # Where elements are.
    "shared store off by one": (access(r"st\.shared"), shift_offset(4)),
    "shared load off by one": (access(r"ld\.shared"), shift_offset(16)),
    "shared load misaligned": (access(r"ld\.shared\.v[24]"), shift_offset(4)),
    "global store off by one": (access(r"st\.global"), shift_offset(4)),
    "matrix load off by one": (access(r"ldmatrix"), shift_offset(16)),
    "copy off by one": (access(r"cp\.async\.c[ag]"), shift_offset(16)),
    # What is multiplied.
    "floats of the other kind": (r"^(?P<head>\s*(?:mma|wgmma|cvt)\.\S*\.)e4m3(?P<tail>.*)$", r"\g<head>e5m2\g<tail>"),
    "places of the other half": (
        r"^(?P<head>\s*wgmma\.mma_async\.sp\S*\s.*, )(?P<part>[01])(?P<tail>, accumulates.*)$",
        lambda match: "{head}{other}{tail}".format(**match.groupdict(), other=1 - int(match.group("part"))),
    ),
    "places outside are zeros": (r"^(?P<head>\s*)max\.u32(?P<tail>\s+%r\d+, %r\d+), 1145324612;$", r"\g<head>mov.b32\g<tail>;"),
    # How indices are made: of what, and in which order.
    "factor and addend swapped": (
        r"^(?P<head>\s*mad\.lo\.\w+\s+%\w+, )(?P<a>[%\w]+), (?P<b>[%\w]+), (?P<c>%\w+);",
        lambda match: "{head}{a}, {c}, {b};".format(**match.groupdict()),
    ),
    "operands of a difference swapped": (
        r"^(?P<head>\s*sub\.s\d+\s+%\w+, )(?P<a>%\w+), (?P<b>%\w+);",
        lambda match: "{head}{b}, {a};".format(**match.groupdict()),
    ),
    "loop with one step too many": (
        r"^(?P<head>\s*setp\.)(?P<comparison>lt|ge)(?P<tail>\.[su]64\s+%p\d+, %rd\d+, (?:%rd)?\d+;)$",
        lambda match: match.group("head") + {"lt": "le", "ge": "gt"}[match.group("comparison")] + match.group("tail"),
    ),
}


def mutants(ptx):
    """All of a module's."""
    lines = ptx.split("\n")
    for name, (pattern, change) in OPERATORS.items():
        count = pattern.count(r"\n") + 1
        for number in range(len(lines) + 1 - count):
            before = "\n".join(lines[number : number + count])
            match = re.match(pattern, before)
            changed = match and (match.expand(change) if isinstance(change, str) else change(match))
            if changed is None or changed == before:
                continue
            text = "\n".join([*lines[:number], changed, *lines[number + count :]])
            yield Mutant(name, number + 1, before.strip(), changed.strip(), text)
