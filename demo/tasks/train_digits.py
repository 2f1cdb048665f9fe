"""Trains the network on augmented digits: the host turns and bends each image, the device learns from them."""
import argparse

import numpy as np
from scipy import ndimage
from tinygrad import Tensor, TinyJit, nn
from tinygrad.helpers import Context
from tinygrad.nn.state import get_parameters

import digits
import protocol

BATCH = 128
WIDTH = 16


GRID = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0), indexing="ij"))


def augment(image, random):
    """One digit as another hand might have written it: turned, shifted and bent (P. Simard et al., 2003)."""
    angle = random.uniform(-0.25, 0.25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    bend = ndimage.gaussian_filter(random.uniform(-1, 1, (2, 8, 8)), sigma=(0, 2, 2), mode="constant") * 4
    where = np.tensordot(turn, GRID - 3.5, axes=1) + 3.5 + bend + random.uniform(-0.5, 0.5, (2, 1, 1))
    moved = ndimage.map_coordinates(image, where, order=3)
    return np.clip(moved + random.normal(0, 0.03, moved.shape), 0, 1)


class Training:
    def __init__(self, seed):
        Tensor.manual_seed(seed)
        self.images, self.labels = digits.load()
        self.random = np.random.default_rng(seed)
        self.network = digits.Network(WIDTH)
        self.optimiser = nn.optim.SGD(get_parameters(self.network), lr=0.05, momentum=0.9)
        self.step = TinyJit(self.learn)

    def learn(self, images, labels):
        self.optimiser.zero_grad()
        loss = self.network(images).sparse_categorical_crossentropy(labels).backward()
        self.optimiser.step()
        return loss.realize()

    def batch(self, augmented):
        chosen = self.random.integers(0, digits.TRAINING_IMAGES, BATCH)
        images = self.images[chosen]
        if augmented:
            images = np.stack([augment(image, self.random) for image in images])
        return images.astype(np.float32).reshape(-1, 1, 8, 8), self.labels[chosen]

    def run(self, steps, augmented=True):
        loss = 0.0
        with Context(TRAINING=1):
            for _ in range(steps):
                images, labels = self.batch(augmented)
                loss = self.step(Tensor(images).realize(), Tensor(labels).realize()).item()
        return loss

    def result(self, loss):
        tested = slice(digits.TRAINING_IMAGES, None)
        return {"digest": digits.digest(*digits.weights(self.network).values()), "loss": loss,
                "accuracy": digits.accuracy(self.network, self.images[tested], self.labels[tested])}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, required=True)
    options = options.parse_args()
    training = Training(seed=1)
    training.run(3)  # compiles every kernel
    training.result(0.0)
    protocol.serve(lambda: training.result(training.run(options.steps)))


if __name__ == "__main__":
    main()
