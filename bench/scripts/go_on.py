"""Open a feed at a position, take one batch, and print the seconds to it, the bytes that the engine read, its step.

Arguments: experiment, file with the state (- for none), the time at which the process was started (seconds since 1970).
With `save FOLDER EVERY` behind them: take all batches and save the state every so many steps as FOLDER/STEP.json.
"""

import json
import re
import sys
import time
from pathlib import Path

import lastmile


def engine_bytes() -> int:
    """Return the bytes that the processes which this one has started have read, whoever held them."""
    total = 0
    for children in Path("/proc/self/task").glob("*/children"):
        for pid in children.read_text().split():
            found = re.search(r"rchar: (\d+)", Path(f"/proc/{pid}/io").read_text())
            total += int(found.group(1)) if found else 0
    return total


experiment, state, started, *save = sys.argv[1:]
position = None if state == "-" else json.loads(Path(state).read_text())
with lastmile.open(experiment, "train", state=position, arrays="numpy") as feed:
    for batch in feed:
        if not save:
            print(time.time() - float(started), engine_bytes(), batch.step)
            break
        if (batch.step + 1) % int(save[2]) == 0:
            (Path(save[1]) / f"{batch.step + 1}.json").write_text(json.dumps(feed.state_dict()))
