"""A rank of `lastmile serve` that follows a plan and writes what it got to got-RANK.pickle.

Arguments: ADDRESS RANK WORLD_SIZE PLAN, the plan a pickle of (options of connect, list of actions).
An action is ("take", steps or None) or ("load", state, or the number of a batch got before).
"""

import pickle
import sys
from pathlib import Path

import lastmile
from received import tree

address, rank, world, plan = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
options, actions = pickle.loads(Path(plan).read_bytes())
feed = lastmile.connect(address, "train", rank=rank, world_size=world, arrays="numpy", **options)
got = []
for action, value in actions:
    if action == "load":
        feed.load_state_dict(got[value]["state"] if isinstance(value, int) else value)
        continue
    for taken, batch in enumerate(feed, start=1):
        got.append(tree(batch, feed.state_dict()))
        if taken == value:
            break
feed.close()
Path(f"got-{rank}.pickle").write_bytes(pickle.dumps(got))
