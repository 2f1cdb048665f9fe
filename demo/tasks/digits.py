"""The digits that both networks work on (scikit-learn's 1,797 scanned digits), and the network."""
import hashlib

import numpy as np
from sklearn.datasets import load_digits
from tinygrad import Tensor, nn
from tinygrad.nn.state import get_state_dict

TRAINING_IMAGES = 1500


def load():
    """Images as float32 in [0, 1], shape (n, 8, 8), and labels as int32; the last 297 are for testing."""
    digits = load_digits()
    return (digits.images / 16).astype(np.float32), digits.target.astype(np.int32)


class Network:
    """Two convolutions and a linear layer; 10 scores per image."""

    def __init__(self, width):
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.second = nn.Conv2d(width, 2 * width, 3)
        self.scores = nn.Linear(2 * width * 9, 10)

    def __call__(self, images):
        features = self.second(self.first(images).relu()).relu().max_pool2d(2)
        return self.scores(features.flatten(1))


def weights(network):
    """Name to array, in a fixed order."""
    return {name: tensor.numpy() for name, tensor in sorted(get_state_dict(network).items())}


def load_network(path):
    """The network whose weights were saved, of any width."""
    arrays = np.load(path)
    network = Network(arrays["first.weight"].shape[0])
    for name, tensor in get_state_dict(network).items():
        tensor.assign(Tensor(arrays[name])).realize()
    return network


def digest(*arrays):
    """A name for the exact bits of arrays."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]


def accuracy(network, images, labels):
    scores = network(Tensor(images.reshape(-1, 1, 8, 8))).numpy()
    return float((scores.argmax(axis=1) == labels).mean())
