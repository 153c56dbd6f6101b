"""A rank that says how many rows it got so far, in the file rows-RANK, and how many in the end."""

import os

import lastmile

feed = lastmile.feed("train", arrays="numpy")
rows = 0
with open(f"rows-{os.environ['RANK']}", "w") as file:
    for batch in feed:
        rows += int(batch.mask.sum())
        if batch.step % 20 == 0:
            file.seek(0)
            file.write(str(rows))
            file.flush()
    file.seek(0)
    file.write(str(rows))
