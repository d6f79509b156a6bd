"""Operators on strings. Those that move them are with the others that move elements."""

from .. import values
from . import recipe

STRING = values.STRING


@recipe("StringConcat", weight=0.5)
def concat(g, op):
    x = g.value([STRING], rank=(0, 3))
    y = g.fresh(STRING, g.narrowed(x.shape))
    return g.node(op, [x, y] if g.flip() else [y, x])


@recipe("StringSplit", weight=0.5)
def split(g, op):
    # The evaluator splits by a delimiter alone as often as it wants, and none of no strings.
    x = g.value([STRING], rank=(1, 2), where=lambda v: all(min(s) > 0 for s in v.shape))
    limit = g.pick([None, 1, 2])
    return g.node(op, [x], outputs=2, delimiter=g.pick([",", "a", "b "]), maxsplit=limit)


@recipe("StringNormalizer", weight=0.5)
def normalize(g, op):
    # Python has no upper case of one letter for each: "ß" becomes "SS".
    x = g.value([STRING], rank=1, where=lambda v: min(v.shape[0]) > 0)
    return g.node(op, [x], case_change_action=g.pick(["NONE", "LOWER"]), is_case_sensitive=1,
                  stopwords=g.pick([None, ["a", "AB"], ["b", "", "ß"]]))


@recipe("RegexFullMatch", weight=0.5)
def match(g, op):
    x = g.value([STRING])
    return g.node(op, [x], pattern=g.pick(["a*b?", "(?i)ab", ".*,.*", r"-?\d+(\.\d+)?", "[A-Za-z]+", "[^a-z]*", "日.", "a|b|AB"]))
