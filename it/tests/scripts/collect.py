"""A rank that writes everything it gets to got-RANK.pickle. Arguments: EPOCHS [FEED]."""

import os
import pickle
import sys

import numpy as np

import lastmile

epochs = int(sys.argv[1])
name = sys.argv[2] if len(sys.argv) > 2 else "train"
feed = lastmile.feed(name, arrays="numpy", epochs=epochs)
got = []
for _ in range(epochs):
    for batch in feed:
        tensors = {
            key: (np.array(value.values), np.array(value.offsets))
            if hasattr(value, "offsets")
            else np.array(value)
            for key, value in batch.items()
        }
        keys = {
            key: value if isinstance(value, list) else np.array(value)
            for key, value in batch.keys.items()
        }
        got.append(
            {
                "epoch": batch.epoch,
                "step": batch.step,
                "rows": batch.rows,
                "global_rows": batch.global_rows,
                "mask": np.array(batch.mask),
                "tensors": tensors,
                "keys": keys,
            }
        )
with open(f"got-{os.environ['RANK']}.pickle", "wb") as file:
    pickle.dump(got, file)
