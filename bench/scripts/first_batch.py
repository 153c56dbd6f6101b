"""Open a feed and print the seconds from the start of this process to its first batch.

Arguments: experiment, "numpy" or "torch", the time at which the process was started (seconds since 1970).
"""

import sys
import time

import lastmile

experiment, arrays, started = sys.argv[1:]
feed = lastmile.open(experiment, "train", arrays=arrays)  # type: ignore[arg-type]
batch = next(iter(feed))
print(time.time() - float(started), batch.rows)
del batch
feed.close()
