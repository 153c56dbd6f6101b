"""A rank that fails once after so many steps, and goes on from a position. Arguments: FAIL_AT HOW FOLDER.

Writes the time of the failure to FOLDER/failed, and that of the first step of the next attempt to FOLDER/first-RANK.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import lastmile

fail_at, how, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
rank, attempt = int(os.environ["RANK"]), int(os.environ["LASTMILE_ATTEMPT"])
saved = Path(os.environ["LASTMILE_RUN"]) / "saved.json"
state = json.loads(saved.read_text()) if saved.exists() else None
feed = lastmile.feed("train", arrays="numpy", state=state)
for batch in feed:
    if attempt > 1:
        (folder / f"first-{rank}").write_text(repr(time.time()))
        break
    if batch.step == fail_at // 2 and rank == 0:
        saved.write_text(json.dumps(feed.state_dict()))
    if batch.step == fail_at:
        if rank == 1:
            (folder / "failed").write_text(repr(time.time()))
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "exit":
                sys.exit(3)
        time.sleep(600)  # as ranks do that wait for another
