"""Random models whose channels go together in all ways that the builder has."""
import numpy as np

from pruning.builder import Builder


class Grower:
    """Adds layer after layer to an image of `channels` channels, `size` by `size`."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.b = Builder(seed + 1, opset=int(self.rng.choice([14, 17])))
        self.size = 8
        self.x, self.channels = self.b.input(1, 3, 8, 8), 3
        self.conv(self.pick(8, 12, 16))

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def conv(self, channels=None, kernel=None):
        channels = channels or self.pick(6, 8, 12, 16)
        groups = self.pick(1, 1, 1, 2, 4)
        groups = groups if self.channels % groups == 0 and channels % groups == 0 else 1
        self.x = self.b.conv(self.x, self.channels, channels, kernel or self.pick(1, 3), groups,
                             bias=bool(self.rng.integers(2)))
        self.channels = channels

    def mix(self):
        """A convolution of 1x1, as an Einsum."""
        channels = self.pick(6, 8, 12)
        weights = self.b.weight(channels, self.channels)
        self.x, self.channels = self.b.op("Einsum", self.x, weights, equation="nchw,dc->ndhw"), channels

    def depthwise(self):
        self.x = self.b.conv(self.x, self.channels, self.channels, 3, groups=self.channels)

    def activate(self):
        kind = self.pick("Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "Softplus", "PRelu")
        slope = [self.b.weight(self.channels, 1, 1)] if kind == "PRelu" else []
        self.x = self.b.op(kind, self.x, *slope)

    def normalize(self):
        self.x = self.b.norm(self.x, self.channels)

    def add_residual(self):
        before, channels = self.x, self.channels
        self.conv()
        self.activate()
        self.conv(channels)
        self.x = self.b.op(self.pick("Add", "Mul", "Max", "Sub"), *self.rng.permutation([before, self.x]).tolist())

    def concatenate(self):
        parts, channels = [], []
        before = self.x, self.channels
        for _ in range(self.pick(2, 3)):
            self.x, self.channels = before
            if self.pick(True, True, False):
                self.conv()
            parts.append(self.x)
            channels.append(self.channels)
        self.x, self.channels = self.b.op("Concat", *parts, axis=1), sum(channels)

    def split(self):
        if self.channels % 2:
            return
        halves = self.b.op("Split", self.x, results=2, axis=1)
        if self.pick(True, False):
            self.x, self.channels = self.b.op("Mul", *halves), self.channels // 2
        else:
            self.x = self.b.op("Concat", halves[1], self.b.op("Relu", halves[0]), axis=1)

    def slice(self):
        start, end = sorted(self.rng.choice(self.channels + 1, 2, replace=False).tolist())
        self.x = self.b.op("Slice", self.x, *(self.b.integers(each) for each in (start, end, 1)))
        self.channels = end - start

    def pad(self):
        before, after = self.rng.integers(0, 3, 2).tolist()
        value = self.b.constant(np.float32(self.pick(0, 1)))
        self.x = self.b.op("Pad", self.x, self.b.integers(0, before, 0, 0, 0, after, 0, 0), value)
        self.channels += before + after

    def gather(self):
        indices = self.rng.permutation(self.channels)[:max(1, self.channels - 2)]
        self.x, self.channels = self.b.op("Gather", self.x, self.b.integers(*indices), axis=1), len(indices)

    def shuffle(self):
        groups = self.pick(2, 4)
        if self.channels % groups:
            return
        shape = 1, groups, self.channels // groups, self.size, self.size
        x = self.b.op("Transpose", self.b.reshape(self.x, *shape), perm=[0, 2, 1, 3, 4])
        self.x = self.b.reshape(x, 1, self.channels, self.size, self.size)

    def excite(self):
        middle = self.pick(2, 4)
        gate = self.b.conv(self.b.op("GlobalAveragePool", self.x), self.channels, middle, 1)
        gate = self.b.conv(self.b.op("Relu", gate), middle, self.channels, 1)
        self.x = self.b.op("Mul", self.x, self.b.op("Sigmoid", gate))

    def pool(self):
        self.x = self.b.op(self.pick("MaxPool", "AveragePool"), self.x, kernel_shape=[3, 3], pads=[1] * 4)

    def attend(self):
        """Positions as tokens, and back."""
        if self.channels % 4:
            return
        tokens = self.size * self.size
        x = self.b.op("Transpose", self.b.reshape(self.x, 1, self.channels, tokens), perm=[0, 2, 1])
        x = self.b.op("Transpose", self.b.attention(x, tokens, self.channels, 4), perm=[0, 2, 1])
        self.x = self.b.reshape(x, 1, self.channels, self.size, self.size)

    def finish(self):
        if self.pick(True, True, False):
            return self.b.classify(self.x, self.channels)
        x = self.b.op("Flatten", self.x)
        self.b.output(self.b.gemm(x, self.channels * self.size**2, 3), 2)
        return self.b.model()


STEPS = ("conv", "conv", "depthwise", "activate", "activate", "normalize", "add_residual", "add_residual",
         "concatenate", "split", "slice", "pad", "gather", "shuffle", "excite", "pool", "attend", "mix")


def generate(seed):
    grower = Grower(seed)
    for _ in range(int(grower.rng.integers(2, 9))):
        getattr(grower, grower.pick(*STEPS))()
    grower.conv()
    return grower.finish()
