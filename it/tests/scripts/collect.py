"""A rank that writes everything it gets to got-RANK.pickle. Arguments: EPOCHS [FEED]."""

import os
import pickle
import sys
from pathlib import Path

import lastmile
from received import tree

epochs = int(sys.argv[1])
name = sys.argv[2] if len(sys.argv) > 2 else "train"
feed = lastmile.feed(name, arrays="numpy", epochs=epochs)
got = [tree(batch) for _ in range(epochs) for batch in feed]
Path(f"got-{os.environ['RANK']}.pickle").write_bytes(pickle.dumps(got))
