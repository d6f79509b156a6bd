"""Tensors of strings: what moves, compares, makes and reads them, as ONNX Runtime does."""

import numpy as np

from cases import Case, DataSet, single

RNG = np.random.default_rng(31)
ML, MS = "ai.onnx.ml", "com.microsoft"
WORDS = ["", "a", "ab", "Ab", "banana", "Grüße", "ÄÖÜ", "日本語", "x y  z", "10", "-3.5", "naïve café", "ǅ", "Σς"]


def strings(*shape, words=WORDS):
    return RNG.choice(np.array(words, object), shape)


def listed(values):
    return np.array(values, object)


def case(name, why, op, arrays, attributes=None, tolerance=None, **options):
    for form, model, data in single(op, arrays, attributes, **options):
        yield Case(f"{name}_{form}", why, model, data, tolerance or {})


def moves():
    why = "Strings are moved as numbers are."
    x = strings(3, 4)
    yield from case("transpose", why, "Transpose", [x], {"perm": [1, 0]})
    yield from case("gather", why, "Gather", [x, np.array([2, 0, -1])], {"axis": 1})
    yield from case("concat", why, "Concat", [x, strings(2, 4)], {"axis": 0})
    yield from case("slice", why, "Slice", [x, np.array([2]), np.array([-9]), np.array([0]), np.array([-1])], constants=(1, 2, 3, 4))
    yield from case("expand", why, "Expand", [strings(3, 1), np.array([2, 3, 2])], constants=(1,))
    yield from case("tile", why, "Tile", [x, np.array([2, 1])], constants=(1,))
    yield from case("where", why, "Where", [RNG.random((3, 1)) < 0.5, x, strings(4)])
    yield from case("reshape", why, "Reshape", [x, np.array([2, -1])], constants=(1,))
    yield from case("squeeze", why, "Squeeze", [strings(1, 3)])
    yield from case("split", why, "Split", [x], {"axis": 1, "num_outputs": 2}, outputs=2)
    yield from case("gather_elements", why, "GatherElements", [x, np.array([[0, 3], [1, 1]])], {"axis": 1})
    yield from case("gather_nd", why, "GatherND", [x, np.array([[0, 3], [2, 1]])])
    yield from case("scatter_elements", why, "ScatterElements", [x, np.array([[0, 2, 1, 1]]), strings(1, 4)], {"axis": 0})
    yield from case("scatter_nd", why, "ScatterND", [x, np.array([[1], [0]]), strings(2, 4)])
    yield from case("compress", why, "Compress", [x, np.array([True, False, True])], {"axis": 0})
    yield from case("equal", "Equal strings are one number.", "Equal", [x, strings(4)])
    yield from case("equal_case", "Case counts, and so do all bytes.", "Equal",
                    [listed(["a", "ab", "", "ä"]), listed(["A", "ab", "", "a\u0308"])])
    for axis in (None, 0):
        for order in (0, 1):
            attributes = {"sorted": order} | ({} if axis is None else {"axis": axis})
            data = strings(9, words=["b", "a", "ab", "ä", "Z"]) if axis is None else strings(6, 2, words=["b", "a"])
            yield from case(f"unique_{axis}_{order}", "Strings sort by their bytes.", "Unique", [data], attributes, outputs=4,
                            expected=None if axis is None else unique_rows(data, order))


def unique_rows(x, order):
    """Rows of x: the different ones, where they are first, which one each is, how often each occurs."""
    rows = [tuple(row) for row in x]
    found = sorted(set(rows)) if order else list(dict.fromkeys(rows))
    return [np.array(found, object), np.array([rows.index(row) for row in found]),
            np.array([found.index(row) for row in rows]), np.array([rows.count(row) for row in found])]


def numbers():
    why = "Numbers as ONNX Runtime writes them."
    floats = np.array([0, -0.0, 1, 0.1, -1.5e-30, 3.14159265358979, 1e9, 123456789, np.inf, -np.inf, np.nan])
    for dtype in (np.float32, np.float64, np.float16):
        with np.errstate(over="ignore"):
            yield from case(f"format_{np.dtype(dtype).name}", why, "Cast", [floats.astype(dtype)], {"to": 8})
    for dtype in (np.int8, np.int32, np.int64, np.uint8, np.uint64):
        limits = np.iinfo(dtype)
        yield from case(f"format_{np.dtype(dtype).name}", why, "Cast", [np.array([0, 7, limits.min, limits.max], dtype)], {"to": 8})
    yield from case("format_bool", why, "Cast", [np.array([True, False])], {"to": 8})
    why = "Numbers as they are read."
    x = listed(["0", "1.5", "-2e3", "1e-40", "3.4028235e38", "NaN", "INF", "-inf", "+7"])
    for number, dtype in ((1, "float32"), (11, "float64"), (10, "float16")):
        yield from case(f"parse_{dtype}", why, "Cast", [x], {"to": number})
    for number, dtype in ((6, "int32"), (7, "int64"), (3, "int8"), (2, "uint8"), (13, "uint64")):
        yield from case(f"parse_{dtype}", why, "Cast", [listed(["0", "7", "100"])], {"to": number})


def categories():
    words = ["cat", "dog", "ß", ""]
    x = strings(2, 5, words=words + ["bird"])
    yield from case("one_hot", "A column for each string.", "OneHotEncoder", [x], {"cats_strings": words}, domain=ML)
    mapper = {"cats_strings": words, "cats_int64s": [4, 3, 2, 1]}
    yield from case("mapper", "Strings to numbers.", "CategoryMapper", [x], mapper, domain=ML)
    yield from case("mapper_back", "Numbers to strings.", "CategoryMapper", [np.array([4, 9, 1])],
                    mapper | {"default_string": "?"}, domain=ML)
    yield from case("encoder_1", "Positions in a list.", "LabelEncoder", [x], {"classes_strings": words}, domain=ML)
    yield from case("encoder_1_back", "Members of a list.", "LabelEncoder", [np.array([3, 0, 7])],
                    {"classes_strings": words, "default_string": "none"}, domain=ML)
    values = {"strings": ["1", "zwei", "", "4"], "int64s": [1, 2, 3, 4], "floats": [1.5, 2.5, -3.0, 0.0]}
    for name, value in values.items():
        yield from case(f"encoder_to_{name}", "Strings to anything.", "LabelEncoder", [x],
                        {"keys_strings": words, f"values_{name}": value}, domain=ML, version=2)
    yield from case("encoder_from_int64s", "Numbers to strings.", "LabelEncoder", [np.array([[4, 1, 9]])],
                    {"keys_int64s": [1, 2, 4, 3], "values_strings": words, "default_string": "other"}, domain=ML, version=2)
    scores = {"coefficients": [1.0, -2.0, 0.5, 0.25, 3.0, -1.0], "intercepts": [0.5, 0.0, -0.5]}
    yield from case("linear_classifier", "Classes are called by names.", "LinearClassifier",
                    [RNG.standard_normal((5, 2)).astype(np.float32)], scores | {"classlabels_strings": ["low", "ho", "hé"]}, outputs=2,
                    domain=ML, tolerance={"rtol": 1e-5, "atol": 1e-6})
    pool = ["a", "b", "c", "a", "b", "b", "c"]
    for rank in (1, 2):
        tokens = strings(*(9,) if rank == 1 else (2, 7), words=["a", "b", "c", "d"])
        for mode in ("TF", "IDF", "TFIDF"):
            yield from case(f"tf_idf_{rank}_{mode}", "N-grams of strings.", "TfIdfVectorizer", [tokens],
                            {"mode": mode, "min_gram_length": 1, "max_gram_length": 2, "max_skip_count": 1,
                             "ngram_counts": [0, 3], "ngram_indexes": [0, 1, 2, 3, 4], "pool_strings": pool,
                             "weights": [0.5, 1.0, 1.5, 2.0, 2.5]})


def characters():
    yield from case("concat_broadcast", "Each string with each of a row.", "StringConcat", [strings(3, 1), strings(4)])
    yield from case("concat_zeros", "A zero byte is one like others.", "StringConcat", [listed(["a\0b", "\0"]), listed(["c", ""])],
                    expected=[listed(["a\0bc", "\0"])])
    x = listed(["a,b,,c", ",", "", "a  b c", "日,本", "a,b,c,d,e"])
    for name, attributes in {"comma": {"delimiter": ","}, "blanks": {}, "limit": {"delimiter": ",", "maxsplit": 2},
                             "limited_blanks": {"maxsplit": 1}, "long": {"delimiter": ",b"}}.items():
        pieces = [s.split(attributes.get("delimiter"), attributes.get("maxsplit", -1)) for s in x]
        most = max(map(len, pieces))
        expected = [listed([p + [""] * (most - len(p)) for p in pieces]), np.array([len(p) for p in pieces])]
        yield from case(f"split_{name}", "Shorter lists of parts are filled up.", "StringSplit", [x], attributes, outputs=2,
                        expected=expected)
    words = listed(["Monday", "monday", "Tuesday", "ÄRGER", "ärger", "ΣΑΣ"])
    for action in ("NONE", "LOWER", "UPPER"):
        for sensitive in (0, 1):
            for stop in ([], ["monday", "ÄRGER"], list(words)):
                name = f"normalize_{action}_{sensitive}_{len(stop)}"
                attributes = {"case_change_action": action, "is_case_sensitive": sensitive}
                changed = [{"NONE": w, "LOWER": w.lower().replace("ς", "σ"), "UPPER": w.upper()}[action] for w in words
                           if (w if sensitive else w.lower()) not in (stop if sensitive else [s.lower() for s in stop])]
                expected = [listed(changed or [""])]
                yield from case(name, "Words from a list are left out, letters change case.", "StringNormalizer", [words],
                                attributes | ({"stopwords": stop} if stop else {}), expected=expected)
                yield from case(f"{name}_row", "The same for a row.", "StringNormalizer", [words[None]],
                                attributes | ({"stopwords": stop} if stop else {}), expected=[expected[0][None]])


def patterns():
    x = listed(["", "a", "abab", "ABAB", "me@there.org", "日本", "x1_", "a\nb", "12.5", "-7e3"])
    for i, pattern in enumerate([
            "", "(ab)*", "(?i)(ab)+", r"\w+@\w+\.(com|org)", r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?", r"\p{Han}+", ".*", "(?s).*", "(?:a|ab)(?:ab|b)*",
            "[^a-z]+", r"(?m)^a$\n^b$", r"\x61{1,3}", "[[:alnum:]_]+", "日.?"]):
        if "Han" in pattern:
            pattern = r"\p{Lo}+"
        yield from case(f"regex_{i}", "What the expression matches as a whole.", "RegexFullMatch", [x], {"pattern": pattern})
    text = listed(["a b,c", "  lead", "trail  ", "", "one", "ünï cödé,x", "aaa,,b"])
    common = {"pad_value": "#", "mincharnum": 1}
    for mark in (0, 1):
        for name, attributes in {"characters": {"separators": [""]}, "separators": {"separators": [" ", ","]},
                                 "blanks": {"separators": [" +"]}, "expression": {"tokenexp": "[a-zü]+"}}.items():
            for shape in ((7,), (1, 7)):
                yield from case(f"tokenizer_{name}_{mark}_{len(shape)}", "Strings are cut into tokens.", "Tokenizer",
                                [text.reshape(shape)], attributes | common | {"mark": mark}, domain=MS)
    yield from case("tokenizer_least", "Short tokens are none.", "Tokenizer", [text],
                    {"separators": [" ", ","], "pad_value": "", "mincharnum": 3, "mark": 0}, domain=MS)


def graphs():
    yield Case("loop", "Strings are carried by a loop, and grow in it.", """
        g (int64 n, string[2] x) => (string[2] y, string[k, 2] all) {
          yes = Constant <value: tensor = bool {1}> ()
          y, all = Loop (n, yes, x) <body = step (int64 i, bool go, string[2] s) => (bool go2, string[2] t, string[2] u) {
            dot = Constant <value_string = "."> ()
            t = StringConcat (s, dot)
            u = Identity (t)
            go2 = Identity (go)
          }>
        }""", [DataSet({"n": np.array(3), "x": listed(["a", "ü"])},
                       {"y": listed(["a...", "ü..."]), "all": listed([["a.", "ü."], ["a..", "ü.."], ["a...", "ü..."]])})])
    yield Case("if", "A branch has strings that the other has not.", """
        g (bool c, string[n] x) => (string[m] y) {
          y = If (c) <then_branch = a () => (string[k] p) { p = Constant <value_strings = ["one", "two"]> () },
                      else_branch = b () => (string[l] q) { q = Identity (x) }>
        }""", [DataSet({"c": np.array(c), "x": listed(["x"])}, {"y": listed(y)}) for c, y in ((True, ["one", "two"]), (False, ["x"]))])
    yield Case("shape", "Shapes of strings are shapes.", """
        g (string[a, b] x) => (int64[2] s, int64 n, string[m] y) {
          s = Shape (x)
          n = Size (x)
          minus = Constant <value_ints = [-1]> ()
          y = Reshape (x, minus)
        }""", [DataSet({"x": strings(2, 3)}), DataSet({"x": strings(0, 3)})])
    yield Case("constants", "What is the same string has one number, whoever makes it.", """
        g (string[n] x) => (bool[n] same, string[n] y) {
          a = Constant <value_string = "a"> ()
          b = Constant <value_string = "b"> ()
          ab = Constant <value_string = "ab"> ()
          made = StringConcat (a, b)
          z = StringConcat (x, b)
          same = Equal (z, ab)
          y = Where (same, made, z)
        }""", [DataSet({"x": listed(["a", "b", ""])}, {"same": np.array([True, False, False]), "y": listed(["ab", "bb", "b"])})])


def cases():
    for part in (moves, numbers, categories, characters, patterns, graphs):
        yield from part()
