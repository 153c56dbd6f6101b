"""Takes the batches of a served feed and forgets them: what the training run of the AOT cache does.

``python rehearse.py JAVA ARGS...`` starts the command, which serves the dataset ``train`` until its standard input is
closed and says where on its first line. Needs the standard library alone.
"""

import json
import socket
import struct
import subprocess
import sys

HELLO, MAPPED, FREE, STEP, BYE = 1, 2, 3, 4, 6
BATCH, LARGE, END, ERROR = 17, 18, 19, 20


def frame(kind, payload=b""):
    return struct.pack("<IB", 1 + len(payload), kind) + payload


def drain(path):
    """Take one epoch as the only rank."""
    hello = {"protocol": 1, "feed": "train", "ranks": "all", "rank": 0, "world_size": 1, "epochs": 1}
    with socket.socket(socket.AF_UNIX) as feed:
        feed.connect(path)
        feed.sendall(frame(HELLO, json.dumps(hello).encode()) + frame(MAPPED))
        received = feed.makefile("rb")
        step = 0
        while True:
            length, kind = struct.unpack("<IB", received.read(5))
            payload = received.read(length - 1)
            if kind in (LARGE, ERROR):
                sys.exit(f"error: message {kind}: {payload!r}")
            if kind == BATCH:
                took = struct.pack("<qqq", step, 0, step)
                feed.sendall(frame(STEP, took) + frame(FREE, payload[:4]))
                step += 1
            elif kind == END:
                feed.sendall(frame(BYE, json.dumps({"steps": step, "wait_ns": 0, "elapsed_ns": 0}).encode()))
                return


def main():
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as serving:
        try:
            drain(json.loads(serving.stdout.readline())["socket"])
        finally:
            serving.stdin.close()
    sys.exit(serving.returncode)


if __name__ == "__main__":
    main()
