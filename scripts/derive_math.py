#!/usr/bin/env python3
"""Derives the coefficients in passes/Codegen/Common/Math*.cpp.

Method: weighted minimax approximation by the Remez exchange in 60-digit arithmetic (mpmath). A
polynomial's coefficients are rounded to f32 one after the other, lowest order first, and the rest
is fitted again after each, so that later coefficients absorb the rounding of earlier ones. Rational
functions are fitted as a whole and rounded at the end. Prints C++ arrays, lowest order first, and the
relative error of the rounded form in units of 2^-24 (half an ulp just above a power of two).

usage: derive_math.py [NAME...]
"""
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 60
UNIT = mp.mpf(2) ** -24


def f32(v):
    return mp.mpf(float(np.float32(float(v))))


def f64(v):
    return mp.mpf(float(v))


def grid(lo, hi, n):
    return [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * i / (n - 1)) for i in range(n)]


def extrema(err, xs, want):
    """The largest alternating extrema of err over xs, `want` of them if there are as many."""
    picks = []
    for x in xs:
        e = err(x)
        if picks and mp.sign(picks[-1][1]) == mp.sign(e):
            if abs(e) > abs(picks[-1][1]):
                picks[-1] = (x, e)
        elif e != 0:
            picks.append((x, e))
    while len(picks) > want:
        picks.pop(0 if abs(picks[0][1]) < abs(picks[-1][1]) else -1)
    return picks


def remez(target, weight, step, powers, lo, hi):
    """Minimises max weight * |target - sum c_i step^i| over i in powers; returns the coefficients."""
    n = len(powers)
    # Where the weight vanishes (at 0) the equations are singular: keep the first points off it.
    ref = [x + (hi - lo) / 30 if abs(x) < (hi - lo) / 90 else x for x in grid(lo, hi, n + 1)]
    xs = [x for x in grid(lo, hi, 60 * n + 61) if abs(x) > (hi - lo) * mp.mpf(10) ** -12]
    coefficients, best = None, None
    for _ in range(40):
        a = mp.matrix(n + 1, n + 1)
        b = mp.matrix(n + 1, 1)
        for i, x in enumerate(ref):
            for j, k in enumerate(powers):
                a[i, j] = step(x) ** k
            a[i, n] = (-1) ** i / weight(x)
            b[i] = target(x)
        s = mp.lu_solve(a, b)
        coefficients = [s[j] for j in range(n)]

        def err(x):
            return weight(x) * (target(x) - sum(c * step(x) ** k for c, k in zip(coefficients, powers)))

        picks = extrema(err, xs, n + 1)
        worst = max(abs(p[1]) for p in picks)
        if best is None or worst < best[0]:
            best = worst, coefficients
        if worst < abs(s[n]) * (1 + mp.mpf(10) ** -4):
            break
        if len(picks) < n + 1:
            # Too few alternations: start over from other points.
            ref = sorted(x + (hi - lo) / 200 * mp.rand() for x in grid(lo, hi * mp.mpf("0.99"), n + 1))
        else:
            ref = [p[0] for p in picks]
    return best[1]


def polynomial(name, f, head, lead, step, count, lo, hi, fixed=(), rounding=f32):
    """f(x) ~ head(x) + lead(x) * sum_i c_i step(x)^i, relative error to f."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    done = [mp.mpf(c) for c in fixed]
    while len(done) < count:
        k = len(done)

        def target(x):
            return (f(x) - head(x)) / lead(x) - sum(c * step(x) ** i for i, c in enumerate(done))

        c = remez(target, lambda x: abs(lead(x) / f(x)), step, range(k, count), lo, hi)
        done.append(rounding(c[0]))
    xs = [x for x in grid(lo, hi, 2000) if abs(x) > mp.mpf(10) ** -6]
    worst = max(
        abs((head(x) + lead(x) * sum(c * step(x) ** i for i, c in enumerate(done))) / f(x) - 1)
        for x in xs
    )
    show(name, done, worst)
    return done


def rational(name, f, np_, nq, lo, hi):
    """f(x) ~ P(x^2) / Q(x^2), Q(0) = 1, relative error; np_ and nq coefficients (Q's without the 1).

    Starts from Lawson's reweighted least squares on the linearised problem, then exchanges.
    """
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    n = np_ + nq
    xs = [x for x in grid(lo, hi, 1200)]
    fs = {x: f(x) for x in xs}

    def split(s):
        return [s[j] for j in range(np_)], [mp.mpf(1)] + [s[np_ + j] for j in range(nq)]

    def at(c, x):
        return mp.polyval(c[::-1], x * x)

    weights = {x: mp.mpf(1) for x in xs[::6]}
    q = [mp.mpf(1)]
    best = None
    for _ in range(25):
        a = mp.matrix(len(weights), n)
        b = mp.matrix(len(weights), 1)
        for i, (x, w) in enumerate(weights.items()):
            scale = mp.sqrt(w) / at(q, x)
            for j in range(np_):
                a[i, j] = scale * x ** (2 * j) / fs[x]
            for j in range(nq):
                a[i, np_ + j] = -scale * x ** (2 * j + 2)
            b[i] = scale
        p, q = split(mp.lu_solve(a, b))
        errors = {x: abs(at(p, x) / at(q, x) / fs[x] - 1) for x in weights}
        worst = max(errors.values())
        if best is None or worst < best[0]:
            best = (worst, p, q)
        weights = {x: w * (errors[x] / worst + mp.mpf(10) ** -6) for x, w in weights.items()}
        total = sum(weights.values())
        weights = {x: w / total * len(weights) for x, w in weights.items()}
    worst, p, q = best
    for _ in range(30):
        picks = extrema(lambda x: at(p, x) / at(q, x) / fs[x] - 1, xs, n + 1)
        if len(picks) < n + 1:
            break
        level = mp.sign(picks[0][1]) * sum(abs(e) for _, e in picks) / len(picks)
        for _ in range(20):
            a = mp.matrix(n + 1, n + 1)
            b = mp.matrix(n + 1, 1)
            for i, (x, _) in enumerate(picks):
                for j in range(np_):
                    a[i, j] = x ** (2 * j) / fs[x]
                for j in range(nq):
                    a[i, np_ + j] = -(x ** (2 * j + 2)) * (1 + (-1) ** i * level)
                a[i, n] = -((-1) ** i)
                b[i] = 1
            s = mp.lu_solve(a, b)
            done = abs(s[n] - level) < abs(level) * mp.mpf(10) ** -6
            level = s[n]
            if done:
                break
        p2, q2 = split(s)
        w2 = max(abs(at(p2, x) / at(q2, x) / fs[x] - 1) for x in xs)
        if w2 >= worst * (1 - mp.mpf(10) ** -3):
            break
        worst, p, q = w2, p2, q2
    print(f"// {name}: {mp.nstr(worst / UNIT, 4)} units before rounding")
    p, q = refine(f, [f32(c) for c in p], [f32(c) for c in q], hi)
    rounded = max(abs(at(p, x) / at(q, x) / fs[x] - 1) for x in xs)
    show(name + "P", p, rounded)
    show(name + "Q", q, rounded)


def refine(f, p, q, hi, rounds=4000):
    """Moves coefficients by single ulps to lessen the largest error of the f32 computation itself."""
    rng = np.random.default_rng(1)
    hi = np.float32(float(hi))
    xs = np.concatenate([np.linspace(hi / 3, hi, 6000), np.linspace(hi / 50, hi / 3, 3000)]).astype(np.float32)
    want = np.array([float(f(mp.mpf(float(x))) * mp.mpf(float(x))) for x in xs])
    ulp = np.exp2(np.floor(np.log2(want)) - 23)

    def fma(a, b, c):
        return (a.astype(np.float64) * b + np.float64(c)).astype(np.float32)

    def horner(c, y):
        total = np.full_like(y, c[-1])
        for k in c[-2::-1]:
            total = fma(total, y, k)
        return total

    def worst(c):
        y = xs * xs
        got = xs * horner(c[: len(p)], y) / horner(c[len(p) :], y)
        return np.max(np.abs(got - want) / ulp)

    best = np.array([float(c) for c in p + q], np.float32)
    level = worst(best)
    for _ in range(rounds):
        trial = best.copy()
        for i in rng.choice(len(trial), rng.integers(1, 4), replace=False):
            if i != len(p):  # Q(0) = 1
                steps = int(rng.integers(1, 9)) * (1 if rng.random() < 0.5 else -1)
                trial[i] = (trial[i : i + 1].view(np.int32) + np.int32(steps)).view(np.float32)[0]
        t = worst(trial)
        if t <= level:
            best, level = trial, t
    print(f"// largest error of the f32 evaluation: {level:.2f} ulp")
    c = [mp.mpf(float(v)) for v in best]
    return c[: len(p)], c[len(p) :]


def show(name, coefficients, worst):
    print(f"// {name}: {mp.nstr(worst / UNIT, 4)} units")
    values = ", ".join(float(c).hex() for c in coefficients)
    print(f"{name}[] = {{{values}}};")


def one(x):
    return mp.mpf(1)


def zero(x):
    return mp.mpf(0)


def ident(x):
    return x


def square(x):
    return x * x


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")

JOBS = {
    "exp": lambda: polynomial("kExp", mp.exp, one, ident, ident, 5, -HALF_LN2, HALF_LN2),
    "exp2": lambda: polynomial("kExp2", lambda x: mp.mpf(2) ** x, one, ident, ident, 6, -0.5, 0.5),
    "expm1": lambda: polynomial("kExpm1", mp.expm1, ident, square, ident, 5, -HALF_LN2, HALF_LN2),
    "log": lambda: polynomial(
        "kLog", mp.log1p, lambda x: x - x * x / 2, lambda x: x**3, ident, 9, mp.mpf(-1) / 3, mp.mpf(1) / 3
    ),
    "log2": lambda: polynomial(
        "kLog2", lambda x: mp.log1p(x) / mp.log(2), lambda x: x / mp.log(2), square, ident, 10,
        mp.mpf(-1) / 3, mp.mpf(1) / 3,
    ),
    "log10": lambda: polynomial(
        "kLog10", lambda x: mp.log1p(x) / mp.log(10), lambda x: x / mp.log(10), square, ident, 10,
        mp.mpf(-1) / 3, mp.mpf(1) / 3,
    ),
    # For pow, in f64: z = f / (2 + f), log2(1 + f) = z * P(z^2).
    "log2d": lambda: polynomial(
        "kLog2Double", lambda z: 2 * mp.atanh(z) / mp.log(2), zero, ident, square, 6,
        mp.mpf(10) ** -9, mp.mpf("0.2001"), rounding=f64,
    ),
    "sin": lambda: polynomial("kSin", mp.sin, ident, lambda x: x**3, square, 3, mp.mpf(10) ** -9, mp.pi / 4 * mp.mpf("1.0001")),
    "cos": lambda: polynomial("kCos", mp.cos, lambda x: 1 - x * x / 2, lambda x: x**4, square, 3, mp.mpf(10) ** -9, mp.pi / 4 * mp.mpf("1.0001")),
    "asin": lambda: polynomial("kAsin", mp.asin, ident, lambda x: x**3, square, 5, mp.mpf(10) ** -9, 0.5),
    "atan": lambda: polynomial("kAtan", mp.atan, ident, lambda x: x**3, square, 9, mp.mpf(10) ** -9, 1),
    "sinh": lambda: polynomial("kSinh", mp.sinh, ident, lambda x: x**3, square, 4, mp.mpf(10) ** -9, 1),
    "tanh": lambda: rational("kTanh", lambda x: mp.mpf(1) if x == 0 else mp.tanh(x) / x, 5, 4, 0, 9.01),
    "erf": lambda: rational("kErf", lambda x: 2 / mp.sqrt(mp.pi) if x == 0 else mp.erf(x) / x, 6, 5, 0, 3.92),
}

if __name__ == "__main__":
    for job in sys.argv[1:] or JOBS:
        JOBS[job]()
