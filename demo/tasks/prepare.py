"""Makes what the tasks start from, natively and once: the service's weights and the digits for the batch job.

    prepare.py FOLDER    writes FOLDER/weights.npz and FOLDER/digits.bin
"""
import struct
import sys

import numpy as np

import digits
import train_digits

STEPS = 150


def write_digits(path):
    """uint32 count, then per digit 64 float32 pixels in [0, 1] and an int32 label; little-endian."""
    images, labels = digits.load()
    with open(path, "wb") as file:
        file.write(struct.pack("<I", len(images)))
        for image, label in zip(images, labels):
            file.write(image.astype("<f4").tobytes() + struct.pack("<i", int(label)))


def main():
    folder = sys.argv[1]
    write_digits(f"{folder}/digits.bin")
    training = train_digits.Training(seed=2)
    training.run(STEPS, augmented=False)
    np.savez(f"{folder}/weights.npz", **digits.weights(training.network))


if __name__ == "__main__":
    main()
