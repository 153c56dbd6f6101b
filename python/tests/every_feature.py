"""Everything that an experiment can say, said in Python: the twin of ``every-feature.yaml`` of the engine's tests."""

from __future__ import annotations

import lastmile
from lastmile import Dataset, Experiment


def experiment(folder: str = ".") -> Experiment:
    """Return the experiment of ``every-feature.yaml``."""
    return lastmile.experiment(
        "every-feature_1.0",
        seed=-7,
        folder=folder,
        datasets={
            "train": _train(),
            "every_step": _label(_every_step()),
            "every_part": _every_step().part("train").tensor("clicked", "clicked", hash=10),
            "by-day": _label(lastmile.parquet("data/c.parquet")).shuffle(within="dt"),
            "in_order": _label(lastmile.parquet("data/c.parquet")).shuffle("none"),
            "valid": _label(lastmile.parquet("data/valid.parquet")),
            "other": _label(lastmile.parquet("data/other")),
            "of_csv": _label(lastmile.csv("a.csv", "b/*.csv")),
            "of_json": _label(lastmile.json("a.jsonl")),
            "of_arrow": _label(lastmile.arrow("a.arrow")),
            "bare": lastmile.csv("bare.csv").shuffle("none"),
            "mixed": _label(lastmile.mix({"other": 0.75, "bare": 0.25}, on_dry="repeat").limit(100)).last_step("drop"),
            "mixed_alike": _label(lastmile.mix({"bare": 0.5, "of_csv": 0.5})),
        },
        train={
            "script": "train.py",
            "ranks": 2,
            "args": ["--epochs", 2, "--rate", "1e-3", "--wide", True],
            "restarts": 3,
            "stall_timeout": "1.5m",
        },
        cluster={"kind": "local", "workers": {"max": 4, "memory": "512MiB", "split_timeout": "1.5m"}},
    )


def _label(dataset: Dataset) -> Dataset:
    return dataset.tensor("label", "label")


def _train() -> Dataset:
    source = lastmile.parquet("data/a/*.parquet", "/archive/b.parquet", on_corrupt="skip", schema="union")
    return (
        source.anti_join("data/spam.parquet", on="user_id")
        .anti_join(lastmile.parquet("x.parquet", "y.parquet"), on=["user_id", "item_id"])
        .anti_join("blocked", on={"item_id": "id", "weird column": "w"})
        .filter("surface <> 'board'")
        .downsample(
            0.1,
            where="label = 0",
            by=["user_id", "item_id"],
            weight="weight",
            salt="negatives",
            resample="each_epoch",
        )
        .downsample(1)
        .derive({"engaged": "label = 1 AND dwell_s > 10"}, again='engaged AND "größe" > 3')
        .select("dense_*", "cat_?", "user_id")
        .drop("dense_9")
        .tensor("dense", "dense_*", dtype="float32", fill=0)
        .tensor("cat", ["cat_a", "cat_?"], dtype="int64", fill=-1)
        .tensor("seq_item", "seq_item", max_length=200)
        .tensor("user_emb", "user_emb", dtype="float64", fill=0.5)
        .tensor("country", "country", hash={"buckets": 1000, "seed": 9223372036854775807})
        .tensor("city", "city", hash=50)
        .tensor("one", ["only"], dtype="bool")
        .tensor("label", "engaged")
        .tensor("history", "history", null="mask", max_length=50, truncate="last", pad=True, dtype="float16")
        .tensor("tags", "tags", null="fill")
        .tensor("sparse", ["cat_a", "seq_*"], layout="keyed")
        .tensor("word", "word", vocabulary="words.txt", dtype="int32")
        .batch(512)
        .shuffle(row_groups=3, within="dt")
        .keys("user_id", "item_id")
        .prefetch(2)
        .on_empty("error")
        .last_step("pad")
        .certificate("full")
        .order("arrival")
        .slots(9)
    )


def _every_step() -> Dataset:
    return (
        _every_join(lastmile.parquet("data/d.parquet"))
        .downsample("CASE surface WHEN 'a' THEN 0.5 ELSE 1 END", weight="w")
        .sample(0.25)
        .sample(1e-4, by="user_id", salt="half", resample="each_epoch")
        .upsample(3, where="surface = 'rare'")
        .upsample(2, copy="time")
        .weight({"w": "1 / (1 + position)", "v": 0.5, "u": 2})
        .label(
            {
                "clicked": "clicks > 0",
                "engagement": {"classes": {"likes > 0": 2, "clicks > 0": 1}, "else": -1},
                "bought": {"classes": {"orders > 0": 1}},
            }
        )
        .explode("items")
        .explode("items", "prices", position="place")
        .truncate("history", last=50)
        .truncate(["tags", "seq_*"], first=3)
        .split({"train": 0.9, "every_step": 0.1})
        .split({"a": 0.7, "b": 0.2}, by=["user_id"], part="b", salt="days")
        .limit(5_000_000_000)
        .batch(7)
    )


def _every_join(dataset: Dataset) -> Dataset:
    return (
        dataset.rename({"item": "item_id", "raw_*": "*"})
        .cast({"price_*": "FLOAT", "tags": "BIGINT[]", "amount": "DECIMAL(18, 2)"})
        .join(
            lastmile.parquet("data/users", schema="union"),
            on={"user_id": "id", "market": "market"},
            filter="active",
            select=["country", "age_*"],
            prefix="user_",
            how="inner",
            match="first",
        )
        .join(lastmile.csv("items.csv"), on="item_id")
        .semi_join(lastmile.json("a.jsonl", "b.jsonl"), on="user_id", filter="score > 0.5")
        .anti_join(lastmile.arrow("seen.arrow"), on=["user_id", "item_id"])
        .anti_join(
            lastmile.values({"surface": ["board", None, '\x01"größe" 🎈\n'], "code": [1, -2, 2**63 - 1]}),
            on=["surface", "code"],
        )
        .join(
            lastmile.values(
                {"user_id": [1, 2], "boost": [0.5, 1e-5], "extra": [12345678.9, -3.0], "good": [True, None]}
            ),
            on="user_id",
        )
    )
