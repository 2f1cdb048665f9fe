"""An inference service: replays a log of requests at their times of arrival and measures how long each one waits.

A request is JSON with up to 32 scanned digits, each a deflated, base64-coded greyscale scan of 32 x 32 pixels. The
host decodes and scales them down, the device runs the network, the host answers with JSON. Arrival is open-loop: a
request's latency counts from its time in the log, also when the service is still busy with those before it.

    serve_digits.py --log FILE --weights FILE
    start NS STRETCH COUNT    replays COUNT requests with all times multiplied by STRETCH; 0: each when the last is done
"""
import argparse
import base64
import hashlib
import json
import zlib

import numpy as np
from tinygrad import Tensor, TinyJit

import digits
import protocol

BATCH = 32
SCAN = 32


def read_log(path):
    """Lines "arrival_ms first_image images": milliseconds since the first request, and which digits it carries."""
    with open(path, encoding="ascii") as log:
        rows = [line.split() for line in log if not line.startswith("#")]
    return [(float(arrival), int(first), int(count)) for arrival, first, count in rows]


def encode_scan(image):
    scan = np.kron(image, np.ones((SCAN // 8, SCAN // 8))) * 255
    return base64.b64encode(zlib.compress(scan.astype(np.uint8).tobytes())).decode()


def decode_scan(text):
    scan = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    return scan.reshape(8, SCAN // 8, 8, SCAN // 8).mean(axis=(1, 3)) / 255


class Service:
    def __init__(self, log, weights):
        self.log = read_log(log)
        images, _ = digits.load()
        scans = [encode_scan(image) for image in images]
        self.requests = [json.dumps({"id": number, "scans": [scans[(first + i) % len(scans)] for i in range(count)]})
                         for number, (_, first, count) in enumerate(self.log)]
        self.network = digits.load_network(weights)
        self.infer = TinyJit(self.infer_shifted)

    def infer_shifted(self, images):
        """The mean answer to each image and its neighbours one pixel away: a guard against badly cut scans."""
        padded = images.pad((1, 1, 1, 1))
        shifted = [padded[:, :, y:y + 8, x:x + 8] for y in range(3) for x in range(3)]
        likelihood = self.network(Tensor.cat(*shifted)).softmax()
        return likelihood.reshape(9, BATCH, 10).mean(axis=0).realize()

    def answer(self, text):
        request = json.loads(text)
        images = np.zeros((BATCH, 1, 8, 8), dtype=np.float32)
        for i, scan in enumerate(request["scans"]):
            images[i, 0] = decode_scan(scan)
        likelihood = self.infer(Tensor(images).realize()).numpy()[:len(request["scans"])]
        return json.dumps({"id": request["id"], "digits": likelihood.argmax(axis=1).tolist(),
                           "likelihood": [round(float(best), 6) for best in likelihood.max(axis=1)]})

    def replay(self, stretch, count):
        answers = hashlib.sha256()
        latencies = []
        begin = protocol.now_ns()
        for (arrival_ms, _, _), request in list(zip(self.log, self.requests))[:count]:
            arrival = begin + int(arrival_ms * stretch * 1e6) if stretch > 0 else protocol.now_ns()
            protocol.sleep_until_ns(arrival)
            answers.update(self.answer(request).encode())
            latencies.append((protocol.now_ns() - arrival) / 1e6)
        return {"digest": answers.hexdigest()[:16], "latency_ms": latencies}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--log", required=True)
    options.add_argument("--weights", required=True)
    options = options.parse_args()
    service = Service(options.log, options.weights)
    for request in service.requests[:5]:  # compiles every kernel
        service.answer(request)
    protocol.serve(lambda stretch, count: service.replay(float(stretch), int(count)))


if __name__ == "__main__":
    main()
