"""A rank that counts its rows and says how many it has, in the file rows-RANK."""

import os
from pathlib import Path

import lastmile

rows = 0
with Path(f"rows-{os.environ['RANK']}").open("w") as file:
    for batch in lastmile.feed("train", arrays="numpy"):
        rows += int(batch.mask.sum())
        if batch.step % 20 == 0:
            file.seek(0)
            file.write(str(rows))
            file.flush()
    file.seek(0)
    file.write(str(rows))
