"""Trains a small network on scikit-learn's digits with tinygrad and prints its losses and weights, bit for bit.

    tinygrad_digits.py dense|convolution
"""
import hashlib
import sys

import numpy as np
from sklearn.datasets import load_digits
from tinygrad import Context, Tensor, TinyJit, nn


class Dense:
    def __init__(self):
        self.first, self.second = nn.Linear(64, 48), nn.Linear(48, 10)

    def __call__(self, x):
        return self.second(self.first(x).relu())


class Convolution:
    def __init__(self):
        self.first, self.second = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)
        self.last = nn.Linear(64, 10)

    def __call__(self, x):
        x = self.second(self.first(x.reshape(-1, 1, 8, 8)).relu()).relu()
        return self.last(x.max_pool2d().flatten(1))


def main(kind):
    Tensor.manual_seed(7)
    random = np.random.default_rng(7)
    data = load_digits()
    images, labels = (data.data / 16).astype(np.float32), data.target.astype(np.int32)
    model = Dense() if kind == "dense" else Convolution()
    parameters = nn.state.get_parameters(model)
    for parameter in parameters:  # from a generator that is the same on every device
        parameter.assign(Tensor(random.normal(0, 0.1, parameter.shape).astype(np.float32))).realize()
    optimizer = nn.optim.Adam(parameters, lr=0.01)

    @TinyJit
    @Context(TRAINING=1)
    def step(x, y):
        loss = model(x).sparse_categorical_crossentropy(y)
        optimizer.zero_grad()
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    for number in range(40 if kind == "dense" else 12):
        batch = random.integers(0, 1500, 64)
        loss = step(Tensor(images[batch]).realize(), Tensor(labels[batch]).realize())
        print(f"step {number}: loss {float(loss.item()).hex()}")
    for index, parameter in enumerate(parameters):
        print(f"weights {index}: {hashlib.sha256(parameter.numpy().tobytes()).hexdigest()[:32]}")
    right = (model(Tensor(images[1500:])).argmax(1).numpy() == labels[1500:]).sum()
    print(f"right {right} of {len(labels) - 1500}")


main(sys.argv[1])
