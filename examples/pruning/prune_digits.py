#!/usr/bin/env python3
"""Trains a residual network on handwritten digits, prunes it, trains on, and draws accuracy against speed.

    prune_digits.py [--epochs N] [--tune N] [--picture FILE.png]

The digits are those of scikit-learn: 1,797 images of 8 by 8, a fifth of them to judge by. Each network
is pruned from the whole one by `tenon prune`, judged as it is and after a few more epochs, and
timed as `tenon` compiles it, on batches of 16 and one thread.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import tenon
from sklearn.datasets import load_digits

import network
from picture import draw

TENON = Path(os.environ.get("TENON_BUILD_DIR", Path(__file__).resolve().parents[2] / "build")) / "bin" / "tenon"
PARTS = (12, 25, 37, 50, 62, 75)


def load_data():
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    images = (digits.images[order, :, :, None] / 8 - 1).astype(np.float32)
    labels, split = digits.target[order], len(order) // 5
    return (images[split:], labels[split:]), (images[:split], labels[:split])


class Judge:
    def __init__(self, images, labels):
        self.images, self.labels = np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels

    def measure(self, weights):
        """Accuracy, and a function that runs a batch."""
        compiled = tenon.compile(network.make_model(weights), threads=1)
        scores = compiled.run([self.images])["scores"]
        return float((scores.argmax(1) == self.labels).mean()), lambda: compiled.run([self.images[:16]])


def time_runs(runs, rounds=300):
    """Medians, interleaved."""
    times = [[] for _ in runs]
    for _ in range(rounds):
        for run, each in zip(runs, times):
            start = time.perf_counter()
            run()
            each.append(time.perf_counter() - start)
    return [statistics.median(each) for each in times]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--tune", type=int, default=20)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--picture", default="digits.png")
    arguments = parser.parse_args()
    (images, labels), held_back = load_data()
    judge = Judge(*held_back)
    rng = np.random.default_rng(1)
    weights = network.train(network.initialize(arguments.channels, rng), images, labels, arguments.epochs, 2e-3, rng)
    names = ["all"]
    with tempfile.TemporaryDirectory() as folder:
        whole, run = judge.measure(weights)
        pruned, tuned, runs = [whole], [whole], [run]
        dense = os.path.join(folder, "dense.onnx")
        onnx.save(network.make_model(weights), dense)
        for part in PARTS:
            smaller = os.path.join(folder, "smaller.onnx")
            subprocess.run([TENON, "prune", dense, f"--channels={part}%", "--round=4", "-o", smaller], check=True,
                           stdout=subprocess.DEVNULL)
            less = network.read_weights(smaller)
            names.append(f"-{part}%")
            pruned.append(judge.measure(less)[0])
            accuracy, run = judge.measure(network.train(less, images, labels, arguments.tune, 2e-3, rng))
            tuned.append(accuracy)
            runs.append(run)
    times = time_runs(runs)
    speeds = [times[0] / each for each in times]
    for row in zip(names, speeds, pruned, tuned):
        print("{:>5} {:5.2f}x  as it is {:.1%}  trained on {:.1%}".format(*row))
    draw(arguments.picture, names, speeds, {"as it is": pruned, f"after {arguments.tune} more epochs": tuned})


if __name__ == "__main__":
    main()
