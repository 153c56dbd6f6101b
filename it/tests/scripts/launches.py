"""Launches what is said here, as a user's own program. Arguments: TABLE SCRIPT."""

import sys

import lastmile

table, script = sys.argv[1:]
dataset = lastmile.parquet(table).tensor("dense", "dense_*", fill=0).batch(2)
try:
    lastmile.launch(
        lastmile.experiment(
            "trial", datasets={"train": dataset}, train={"script": script, "ranks": 2}
        )
    )
except KeyboardInterrupt:
    print("interrupted", flush=True)
