"""``lastmile soak``: runs that are disturbed at random, each held against the one that was not.

A round draws a dataset, ranks, batch and workers from its seed, kills and freezes ranks, kills the driver, lets splits
fail and be slow, and steps too; it goes on with ``lastmile resume``, or with a new run of other ranks, batch and
workers, and compares at the end: the rows of the surviving history, and what the certificates say.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

EPOCHS: Final = 2
ROWS: Final = 60_000
ROUND_S: Final = 180
CERTIFIED: Final = ("digest", "values_digest", "rows_read", "rows_delivered", "rows_repeated", "steps")

TABLE: Final = """
    source: { parquet: "tables/impressions/*.parquet" }
    shuffle: SHUFFLE
    steps:
      - anti_join:  { parquet: tables/spam_users.parquet, on: user_id }
STEPS
"""
DELIVERED: Final = """
    tensors: { dense: { columns: "dense_*", fill: 0 }, seq: { columns: seq_item, max_length: 5 } }
    keys: [row]
    certificate: full
    batch: BATCH
"""
KEY: Final = '      - derive: { row: "user_id * 1000000 + item_id" }\n'
NEGATIVES: Final = (
    '      - downsample: { where: "label = 0", keep: 0.5, by: [user_id, item_id], resample: each_epoch }\n'
)
COPIES: Final = '      - upsample: { where: "label = 1", repeat: 3 }\n'

DATASETS: Final = {
    "shuffled": "  train:"
    + TABLE.replace("SHUFFLE", "{ row_groups: 3 }").replace("STEPS\n", NEGATIVES + KEY)
    + DELIVERED,
    "as-they-come": "  train:"
    + TABLE.replace("SHUFFLE", "{ row_groups: 2 }").replace("STEPS\n", NEGATIVES + KEY)
    + DELIVERED
    + "    order: arrival\n",
    "in-order": "  train:" + TABLE.replace("SHUFFLE", "none").replace("STEPS\n", COPIES + KEY) + DELIVERED,
    "mixed": "".join(
        f"  {name}:" + TABLE.replace("SHUFFLE", "{ row_groups: 2 }").replace("STEPS\n", steps + KEY)
        for name, steps in (("few", NEGATIVES), ("many", COPIES))
    )
    + "  train:\n    mix: [{ dataset: few, ratio: 0.4 }, { dataset: many, ratio: 0.6 }]\n    on_dry: rest"
    + DELIVERED,
}


@dataclass
class Size:
    """What may differ from attempt to attempt without changing a row."""

    ranks: int
    batch: int
    workers: int

    @staticmethod
    def drawn(chance: random.Random) -> Size:
        """Return any."""
        return Size(chance.randint(1, 4), chance.choice([64, 200, 512]), chance.randint(1, 4))


@dataclass
class Round:
    """One round in a folder of its own; all that it draws comes from its seed."""

    seed: int
    folder: Path
    dataset: str
    faults: bool = True
    happened: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        """Run to the end, whatever it takes; return what is not as it has to be."""
        chance = random.Random(self.seed)
        (self.folder / "log").mkdir()
        deadline = time.monotonic() + ROUND_S
        size = Size.drawn(chance)
        resumes = False
        while True:
            ended = self._drive(chance, size, resumes, deadline)
            if ended == 0:
                return []
            if ended is None:
                return [f"not at its end after {ROUND_S} s"]
            if ended > 0:
                return [f"exit code {ended}: {self._last_words()}"]
            if chance.random() < 0.5:
                size, resumes = Size.drawn(chance), False
            else:
                resumes = True

    def _drive(self, chance: random.Random, size: Size, resumes: bool, deadline: float) -> int | None:
        """Run one driver; return its exit code, below 0 when it was killed, None when it takes too long."""
        command = [*_lastmile(), "resume", str(self._record())] if resumes else [*_lastmile(), "run", self._write(size)]
        self.happened.append("resume" if resumes else f"run {size}")
        environment = dict(os.environ)
        if self.faults:
            faults = f"seed={chance.randrange(1 << 16)},fail=0.02,slow=0.05:150ms"
            self.happened.append(faults)
            environment["LASTMILE_FAULTS"] = faults
        with (self.folder / "driver.log").open("a") as log:
            driver = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            while driver.poll() is None:
                if time.monotonic() > deadline:
                    return None
                time.sleep(0.2 + chance.random())
                if self.faults:
                    self._disturb(chance, driver)
            return driver.returncode
        finally:
            if driver.poll() is None:
                driver.kill()
                driver.wait()

    def _disturb(self, chance: random.Random, driver: subprocess.Popen[bytes]) -> None:
        """Kill or freeze what is drawn, if it is there."""
        what = chance.choices(["nothing", "rank", "script", "freeze", "driver"], [12, 2, 2, 1, 2])[0]
        number = chance.random()
        supervisors = _children(driver.pid, "lastmile.rank")
        scripts = [child for pid in supervisors for child in _children(pid, "_soaked")]
        victims = {"rank": supervisors, "script": scripts, "freeze": scripts, "driver": [driver.pid]}.get(what, [])
        if not victims or not scripts:
            return
        victim = victims[int(number * len(victims))]
        self.happened.append(f"{what} {victims.index(victim)}")
        try:
            os.kill(victim, signal.SIGSTOP if what == "freeze" else signal.SIGKILL)
        except ProcessLookupError:
            self.happened.append("had gone")

    def _write(self, size: Size) -> str:
        script = Path(__file__).with_name("_soaked.py")
        slow = 0.1 if self.faults else 0.0
        arguments = json.dumps([str(self.folder), str(EPOCHS), str(self.seed), str(slow)])
        (self.folder / "experiment.yaml").write_text(
            f"name: soak\nseed: 7\ndatasets:\n{DATASETS[self.dataset].replace('BATCH', str(size.batch))}"
            f"train: {{ script: {json.dumps(str(script))}, args: {arguments}, ranks: {size.ranks}, restarts: 100, "
            f"stall_timeout: 4s }}\n"
            f"cluster: {{ workers: {{ max: {size.workers}, memory: 256MiB }} }}\n"
        )
        return "experiment.yaml"

    def _record(self) -> Path:
        return max((self.folder / "runs").iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))

    def _last_words(self) -> str:
        errors = [line for line in (self.folder / "driver.log").read_text().splitlines() if line.startswith("error:")]
        return errors[-1] if errors else "it said nothing"

    def rows(self) -> Counter[str]:
        """Return the rows of the history that survived, by epoch."""
        attempts: dict[str, list[list[dict[str, Any]]]] = {}
        for path in sorted((self.folder / "log").iterdir()):
            attempts.setdefault(path.stem.rpartition("-")[0], []).append(_lines(path))
        counted: Counter[str] = Counter()
        upto = [EPOCHS, 0]
        for ranks in sorted(attempts.values(), key=_began, reverse=True):
            for lines in ranks:
                for line in lines[1:]:
                    epoch, _ = line["at"]
                    if line["at"] <= upto:
                        counted.update(f"{epoch} {row}" for row in line["rows"])
            upto = min([upto, *(lines[0]["began"] for lines in ranks if lines)])
        return counted

    def left(self) -> set[int]:
        """Return the epochs behind which a run began: one that was not resumed has no certificate of theirs."""
        began = {path.stem.rpartition("-")[0]: _lines(path) for path in (self.folder / "log").glob("*.1-*")}
        return {epoch for lines in began.values() if lines for epoch in range(lines[0]["began"][0])}

    def certificates(self) -> dict[str, dict[str, Any]]:
        """Return what the last run certified of each epoch that it ended."""
        certified = {}
        for record in sorted((self.folder / "runs").iterdir(), key=lambda path: int(path.name.rpartition("-")[2])):
            for path in sorted((record / "certificates").glob("*.json")):
                tree = json.loads(path.read_text())
                certified[path.stem] = {key: tree[key] for key in CERTIFIED}
        return certified


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a log, whose writer may have been killed amid one."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _began(ranks: list[list[dict[str, Any]]]) -> float:
    return min((lines[0]["time"] for lines in ranks if lines), default=0.0)


def _children(pid: int, word: str) -> list[int]:
    """Return the children of a process whose command has a word, in the order of their start."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if word in Path(f"/proc/{child}/cmdline").read_text():
                    found.append(int(child))
    except OSError:
        return []
    return sorted(found)


def _lastmile() -> list[str]:
    return [str(Path(os.environ["LASTMILE_HOME"]) / "lastmile")]


class Soak:
    """Rounds in a folder, each held against the undisturbed one of its dataset."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables = folder / "tables"
        self._undisturbed: dict[str, tuple[Counter[str], dict[str, dict[str, Any]]]] = {}
        command = [*_lastmile(), "generate", str(self._tables), "--rows", str(ROWS), "--files", "6"]
        subprocess.run([*command, "--row-group", "2048", "--shape", "narrow"], check=True, stdout=subprocess.DEVNULL)

    def round(self, seed: int) -> list[str]:
        """Run the round of a seed; return what is not as it has to be, with what happened before."""
        dataset = random.Random(seed).choice(sorted(DATASETS))
        if dataset not in self._undisturbed:
            calm = self.begin(f"undisturbed-{dataset}", 0, dataset, faults=False)
            wrong = calm.run()
            if wrong:
                return [f"undisturbed {dataset}: {one}" for one in wrong]
            self._undisturbed[dataset] = calm.rows(), calm.certificates()
        rows, certificates = self._undisturbed[dataset]
        disturbed = self.begin(f"round-{seed}", seed, dataset, faults=True)
        started = time.monotonic()
        wrong = disturbed.run()
        if not wrong:
            wrong = compare(disturbed, rows, certificates)
        print(
            f"seed {seed}: {dataset}, {time.monotonic() - started:.0f} s, {', '.join(disturbed.happened)}: "
            + ("; ".join(wrong) if wrong else f"{sum(rows.values())} rows, as undisturbed"),
            flush=True,
        )
        if not wrong:
            shutil.rmtree(disturbed.folder)
        return wrong

    def begin(self, name: str, seed: int, dataset: str, faults: bool) -> Round:
        """Return a round in a folder of its own, not run yet."""
        folder = self._folder / name
        folder.mkdir()
        (folder / "tables").symlink_to(self._tables)
        return Round(seed, folder, dataset, faults)


def compare(disturbed: Round, rows: Counter[str], certificates: dict[str, dict[str, Any]]) -> list[str]:
    """Return what of a round that ended is not as these rows and certificates."""
    wrong = []
    got = disturbed.rows()
    if got != rows:
        lost, more = rows - got, got - rows
        wrong.append(f"rows lost {sum(lost.values())}, delivered too often {sum(more.values())}")
    certified = disturbed.certificates()
    for name, expected in certificates.items():
        found = certified.get(name)
        if found is None:
            # The one of an epoch that had just ended goes with a killed driver, unless its run is resumed.
            if int(name.rpartition("-")[2]) not in disturbed.left():
                wrong.append(f"no certificate {name}")
        else:
            wrong += [
                f"{name}, {key}: {found[key]}, undisturbed {expected[key]}"
                for key in CERTIFIED
                if found[key] != expected[key]
            ]
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run rounds until the time is over or one of them is wrong; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="lastmile soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Examples:\n  lastmile soak --minutes 30\n  lastmile soak --rounds 1 --seed 1234",
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to begin new rounds (default: 5)")
    parser.add_argument("--rounds", type=int, help="so many rounds instead")
    parser.add_argument("--seed", type=int, help="of the first round; the next have the numbers behind it")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where what a wrong round has left is kept")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="lastmile-soak-", dir=options.keep))
    end = time.monotonic() + 60 * options.minutes
    done = 0
    soak = Soak(folder)
    while done < options.rounds if options.rounds is not None else time.monotonic() < end or not done:
        if soak.round(seed + done):
            print(
                f"error: Round {seed + done} is wrong (again: lastmile soak --rounds 1 --seed {seed + done}; {folder})"
            )
            return 1
        done += 1
    shutil.rmtree(folder)
    print(f"{done} rounds, every one as undisturbed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
