"""Open a feed, take all its batches, and print the seconds to the first and to the last, and the rows.

Arguments: experiment, the time at which the process was started (seconds since 1970).
"""

import sys
import time

import lastmile

experiment, started = sys.argv[1:]
feed = lastmile.open(experiment, "train", arrays="numpy")
rows, first = 0, 0.0
for batch in feed:
    first = first or time.time() - float(started)
    rows += batch.rows
feed.close()
print(first, time.time() - float(started), rows)
