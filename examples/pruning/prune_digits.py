#!/usr/bin/env python3
"""Trains a network on handwritten digits, prunes it, trains on, and draws accuracy against speed.

    prune_digits.py [--network residual|transformer] [--epochs N] [--tune N] [--budget B] [--picture FILE.png]

The digits are those of scikit-learn: 1,797 images of 8 by 8, a fifth of them to judge by. The network is
a residual convolutional one, or a transformer that reads an image row by row. It is pruned by
`tenon.prune`, by weights alone and with the images that it was trained on, where what is kept makes up
for what is removed; the latter is trained on for a few epochs. Each is timed as `tenon` compiles it, on
batches of 16 and one thread. At last as much is removed as the budget allows.
"""
import argparse
import statistics
import time

import numpy as np
import tenon
from sklearn.datasets import load_digits

import network
import transformer
from picture import draw

PARTS = (0.12, 0.25, 0.37, 0.5, 0.62, 0.75)
# Of each network where it is, and its channels.
NETWORKS = {"residual": (network, 32), "transformer": (transformer, 64)}


def load_data():
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    images = (digits.images[order, :, :, None] / 8 - 1).astype(np.float32)
    labels, split = digits.target[order], len(order) // 5
    return (images[split:], labels[split:]), (images[:split], labels[:split])


def to_inputs(images):
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


class Judge:
    def __init__(self, images, labels):
        self.images, self.labels = to_inputs(images), labels

    def measure(self, model):
        """Accuracy, and a function that runs a batch."""
        compiled = tenon.compile(model, threads=1)
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
    parser.add_argument("--network", choices=NETWORKS, default="residual")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--tune", type=int, default=8)
    parser.add_argument("--budget", default="top1=1%")
    parser.add_argument("--picture", default="digits.png")
    arguments = parser.parse_args()
    module, channels = NETWORKS[arguments.network]
    (images, labels), held_back = load_data()
    judge = Judge(*held_back)
    rng = np.random.default_rng(1)

    def train(weights, epochs, rate):
        return network.train(weights, images, labels, epochs, rate, rng, step_of=module.Step)

    def samples():
        for image, label in zip(to_inputs(images), labels):
            yield {"image": image[None], "label": label}

    def tune(smaller):
        return module.make_model(train(module.read_weights(smaller), arguments.tune, 1e-3))

    weights = train(module.initialize(channels, rng), arguments.epochs, 2e-3)
    dense = module.make_model(weights)
    whole, run = judge.measure(dense)
    names, runs = ["all"], [run]
    curves = {"by weights alone": [whole], "with samples": [whole], f"after {arguments.tune} more epochs": [whole]}
    for part in PARTS:
        by_weights = tenon.prune(dense, channels=part, multiple=4).model
        with_samples = tenon.prune(dense, channels=part, data=samples(), multiple=4).model
        tuned, run = judge.measure(tune(with_samples))
        names.append(f"-{part:.0%}")
        runs.append(run)
        for curve, accuracy in zip(curves.values(), (judge.measure(by_weights)[0], judge.measure(with_samples)[0], tuned)):
            curve.append(accuracy)
    found = tenon.prune(dense, budget=arguments.budget, data=samples(), multiple=4)
    pruned, run = judge.measure(found.model)
    tuned, _ = judge.measure(tune(found.model))
    times = time_runs([*runs, run])
    speeds = [times[0] / each for each in times]
    for row in zip(names, speeds, *curves.values()):
        print("{:>5} {:5.2f}x  by weights {:.1%}  with samples {:.1%}  trained on {:.1%}".format(*row))
    print(f"budget {arguments.budget}: {speeds[-1]:.2f}x, {pruned:.1%} of {whole:.1%} before, trained on {tuned:.1%}")
    draw(arguments.picture, names, speeds[:-1], curves)


if __name__ == "__main__":
    main()
