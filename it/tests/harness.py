"""What the end-to-end tests share: a sandbox for processes, ranks in threads, and comparisons."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import oracle.dataset as of
from oracle.tensors import Keyed, Masked, Ragged, Tensor, Value
from scripts.received import tree

REPO = Path(__file__).resolve().parents[2]
LASTMILE = REPO / "lastmile"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
START_S, RUN_S, RANKS_S = 30.0, 90.0, 90.0


@dataclass
class Outcome:
    """How a `lastmile run` ended."""

    code: int
    out: str
    err: str
    seconds: float
    record: Path | None

    @property
    def summary(self) -> dict[str, Any]:
        assert self.record is not None, f"no run record:\n{self.err}"
        summary: dict[str, Any] = json.loads((self.record / "summary.json").read_text())
        return summary

    @property
    def errors(self) -> list[str]:
        """The error lines on stderr."""
        return [line for line in self.err.splitlines() if line.startswith("error: ")]

    def expect(self, code: int) -> Outcome:
        assert self.code == code, f"exit {self.code} instead of {code}\n{self.out}\n{self.err}"
        return self


@dataclass
class Job:
    """A started `lastmile` process: the driver itself, and all that belongs to it."""

    process: subprocess.Popen[str]
    sandbox: Sandbox
    started: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the driver alone."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = RUN_S) -> Outcome:
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still running after {seconds} s:\n{out}\n{err}") from None
        took = time.monotonic() - self.started
        return Outcome(self.process.returncode, out, err, took, self.sandbox.last_record())


@dataclass
class Server:
    """A `lastmile serve` that listens."""

    address: str
    job: Job


class Sandbox:
    """One test's folder, runtime folder and processes; all that it starts is found again."""

    def __init__(self, folder: Path, shm: Path) -> None:
        self.folder = folder
        self.shm = shm
        self.runs = folder / "runs"
        self.environment = {
            **os.environ,
            "LASTMILE_SHM": str(shm),
            "LASTMILE_NO_BUILD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.wrapper: list[str] = []
        self._started: list[subprocess.Popen[str]] = []

    def mount(self, folder: Path, size: str) -> None:
        """Put a small file system over a folder, which only the processes started later see."""
        private = ["-m"] if os.geteuid() == 0 else ["-rm"]
        mount = f'mount -t tmpfs -o size={size} tmpfs {folder} && exec "$@"'
        self.wrapper = ["unshare", *private, "sh", "-c", mount, "sh"]
        subprocess.run([*self.wrapper, "true"], check=True)

    # -- what the user writes

    def experiment(
        self,
        datasets: dict[str, of.Dataset] | of.Dataset,
        *,
        seed: int = 42,
        workers: int = 2,
        memory: str = "512MiB",
        train: dict[str, Any] | None = None,
        name: str = "trial",
    ) -> Path:
        """Write an experiment file (JSON, which is YAML) into the folder."""
        if isinstance(datasets, of.Dataset):
            datasets = {"train": datasets}
        tree: dict[str, Any] = {
            "name": name,
            "seed": seed,
            "datasets": {key: dataset.yaml() for key, dataset in datasets.items()},
            "cluster": {"kind": "local", "workers": {"max": workers, "memory": memory}},
        }
        if train is not None:
            tree["train"] = train
        return self.write("experiment.yaml", json.dumps(tree, ensure_ascii=False, indent=2))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    # -- what the user starts

    def start(self, *arguments: str) -> Job:
        process = subprocess.Popen(
            [*self.wrapper, str(LASTMILE), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._started.append(process)
        return Job(process, self)

    def start_run(self, experiment: Path) -> Job:
        return self.start("run", experiment.name, "--python", sys.executable)

    def run(self, experiment: Path, seconds: float = RUN_S) -> Outcome:
        return self.start_run(experiment).wait(seconds)

    @contextmanager
    def serve(self, experiment: Path) -> Iterator[Server]:
        job = self.start("serve", experiment.name)
        try:
            yield Server(_address(job), job)
        finally:
            if job.process.poll() is None:
                job.signal(signal.SIGINT)
            try:
                job.process.wait(15)
            except subprocess.TimeoutExpired:
                job.process.kill()
            job.process.communicate()

    def python(self, script: str, *arguments: str, seconds: float = RUN_S) -> Outcome:
        """Run one of the scripts (or a path) as a Python process that can import the client."""
        started = time.monotonic()
        done = subprocess.run(
            [*self.wrapper, sys.executable, str(SCRIPTS / script), *arguments],
            cwd=self.folder,
            env=self.environment | {"PYTHONPATH": str(REPO / "python")},
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        took = time.monotonic() - started
        return Outcome(done.returncode, done.stdout, done.stderr, took, self.last_record())

    # -- what is there afterwards

    def last_record(self) -> Path | None:
        if not self.runs.is_dir():
            return None
        records = sorted(self.runs.iterdir(), key=lambda path: int(path.name.rsplit("-", 1)[1]))
        return records[-1] if records else None

    def processes(self) -> list[int]:
        """All living processes that were started in this sandbox, at any depth."""
        mark = f"LASTMILE_SHM={self.shm}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if mark not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state not in ("Z", "X"):
                found.append(int(entry.name))
        return found

    def leftovers(self) -> list[str]:
        """Runtime folders and files that are still there, but for the lock file of the starts."""
        paths = [p for p in self.shm.glob("lastmile-*/*") if p.name != "start.lock"]
        return [str(p.relative_to(self.shm)) for p in paths]

    def gone_after(self, seconds: float) -> float:
        """Wait until no process is left; how long it took. Fails when it takes longer."""
        started = time.monotonic()
        while alive := self.processes():
            if time.monotonic() - started > seconds:
                raise AssertionError(f"alive after {seconds} s: {[_command(p) for p in alive]}")
            time.sleep(0.02)
        return time.monotonic() - started

    def close(self) -> list[str]:
        """End what is left by force and remove the runtime folder; what had to be ended or removed.

        Processes get a moment first: those of a closed feed end on their own.
        """
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 5
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        wrong = []
        for pid in self.processes():
            wrong.append(f"process {pid}: {_command(pid)}")
            _kill(pid)
        for process in self._started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        wrong += [f"in the runtime folder: {path}" for path in self.leftovers()]
        shutil.rmtree(self.shm, ignore_errors=True)
        return wrong


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "(gone)"
    return raw.replace(b"\0", b" ").decode(errors="replace")[-200:]


def _address(job: Job) -> str:
    """Wait for the line that says where the engine listens."""
    assert job.process.stdout is not None
    watchdog = threading.Timer(START_S, job.process.kill)
    watchdog.start()
    try:
        for line in job.process.stdout:
            if found := re.search(r"^serving .* at (unix:\S+)$", line.rstrip("\n")):
                return found.group(1)
    finally:
        watchdog.cancel()
    _, err = job.process.communicate()
    raise AssertionError(f"serve ended with {job.process.returncode} instead of listening:\n{err}")


# -- ranks


@dataclass
class Got:
    """A batch as one rank got it, copied."""

    epoch: int
    step: int
    rows: int
    global_rows: int
    mask: np.ndarray
    tensors: dict[str, Value]
    keys: dict[str, np.ndarray | list[str]]
    state: dict[str, Any] | None = None

    @property
    def uids(self) -> list[int]:
        """The key `uid` of the real rows."""
        return np.asarray(self.keys["uid"])[self.mask].tolist()


def copied(batch: Any, state: dict[str, Any] | None = None) -> Got:
    return _got(tree(batch, state))


def _got(plain: dict[str, Any]) -> Got:
    tensors = {name: as_value(value) for name, value in plain["tensors"].items()}
    return Got(**plain | {"tensors": tensors})


def as_value(plain: Any) -> Value:
    """What `received.plain` has made of a value, in the words of the oracle."""
    if not isinstance(plain, tuple):
        return plain
    kind, *parts = plain
    if kind == "Keyed":
        return Keyed(*parts)
    return (Masked if kind == "Masked" else Ragged)(*(as_value(part) for part in parts))


def drain(feed: Any, epochs: int = 1, states: bool = False, steps: int | None = None) -> list[Got]:
    """Everything a feed gives in some epochs, or at most `steps` batches of them."""
    got: list[Got] = []
    for _ in range(epochs):
        for batch in feed:
            got.append(copied(batch, feed.state_dict() if states else None))
            del batch
            if steps is not None and len(got) == steps:
                return got
    return got


def ranks(
    address: str,
    world: int,
    *,
    name: str = "train",
    each: Callable[[Any], list[Got]] = drain,
    seconds: float = RANKS_S,
    **options: Any,
) -> list[list[Got]]:
    """Connect `world` ranks, one thread each, and return what each of them got."""
    import lastmile

    results: list[list[Got] | None] = [None] * world
    errors: list[BaseException] = []

    def work(rank: int) -> None:
        try:
            feed = lastmile.connect(
                address, name, rank=rank, world_size=world, **{"arrays": "numpy", **options}
            )
            try:
                results[rank] = each(feed)
            finally:
                feed.close()
        except BaseException as error:  # re-raised by the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(r,), daemon=True) for r in range(world)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if errors:
        raise errors[0]
    stuck = [rank for rank, thread in enumerate(threads) if thread.is_alive()]
    assert not stuck, f"ranks {stuck} are not done after {seconds} s"
    return [result for result in results if result is not None]


def load_ranks(folder: Path, world: int) -> list[list[Got]]:
    """What ranks that are processes of their own have written."""
    files = [folder / f"got-{rank}.pickle" for rank in range(world)]
    return [[_got(plain) for plain in pickle.loads(file.read_bytes())] for file in files]


def follow(
    sandbox: Sandbox, address: str, world: int, actions: list[tuple[str, Any]], **options: Any
) -> list[list[Got]]:
    """Ranks as processes that follow a plan (see scripts/follow.py), the state after each batch."""
    plan = sandbox.folder / "plan.pickle"
    plan.write_bytes(pickle.dumps((options, actions)))
    processes = [
        subprocess.Popen(
            [sys.executable, SCRIPTS / "follow.py", address, str(rank), str(world), plan],
            cwd=sandbox.folder,
            env=sandbox.environment | {"PYTHONPATH": str(REPO / "python")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    for process in processes:
        _, err = process.communicate(timeout=RANKS_S)
        assert process.returncode == 0, err
    return load_ranks(sandbox.folder, world)


# -- comparisons


def check_ranks(
    got: Sequence[Sequence[Got]],
    dataset: of.Dataset,
    *,
    seed: int = 42,
    epochs: Sequence[int] = (0,),
) -> None:
    """Every rank got exactly its rows, in order, with the right values, in the same steps."""
    world = len(got)
    at = 0
    for epoch in epochs:
        sequence = dataset.sequence(seed, epoch)
        steps = of.deal(len(sequence.rows), dataset.batch, world, dataset.last_step)
        for rank, batches in enumerate(got):
            mine = batches[at : at + len(steps)]
            assert [(b.epoch, b.step) for b in mine] == [(epoch, g) for g in range(len(steps))], (
                f"rank {rank} of {world}: {len(batches) - at} steps, expected {len(steps)}"
            )
            for batch, dealt in zip(mine, steps, strict=True):
                _check_batch(batch, dataset, sequence, dealt, rank)
        at += len(steps)
    assert [len(batches) for batches in got] == [at] * world


def _check_batch(
    batch: Got,
    dataset: of.Dataset,
    sequence: of.Sequence,
    dealt: list[tuple[int, int]],
    rank: int,
) -> None:
    where = f"rank {rank}, epoch {batch.epoch}, step {batch.step}"
    first, last = dealt[rank]
    real = last - first
    assert batch.global_rows == dealt[-1][1] - dealt[0][0], where
    padding = of.padding(real, dataset.batch, dataset.last_step)
    assert batch.rows == real + padding, where
    assert batch.mask.dtype == np.bool_, where
    assert batch.mask.tolist() == [True] * real + [False] * padding, where
    rows = sequence.rows.slice(first, real)
    keys = {name: Tensor(name) for name in dataset.keys}
    for name, tensor in keys.items():
        if isinstance(batch.keys[name], list):
            expected = rows.column(name).to_pylist() + [""] * padding
            assert batch.keys[name] == expected, f"{where}, key {name}"
        else:
            value = tensor.padded(rows, padding)
            check_value(batch.keys[name], value, f"{where}, key {name}")
    assert list(batch.keys) == dataset.keys, where
    assert list(batch.tensors) == list(dataset.tensors), where
    for name, tensor in dataset.tensors.items():
        value = tensor.padded(rows, padding)
        check_value(batch.tensors[name], value, f"{where}, tensor {name}")


def check_value(actual: Any, expected: Value, where: str) -> None:
    """The same type, shape and values; NaN equals NaN."""
    if isinstance(expected, (Ragged, Masked, Keyed)):
        assert type(actual) is type(expected), f"{where}: {type(actual)}"
        for part in expected._fields:
            check_value(getattr(actual, part), getattr(expected, part), f"{where}, {part}")
        return
    if isinstance(expected, tuple):
        assert actual == expected, where
        return
    assert isinstance(actual, np.ndarray), f"{where}: {type(actual)}"
    assert actual.dtype == expected.dtype, f"{where}: {actual.dtype}, expected {expected.dtype}"
    assert actual.shape == expected.shape, f"{where}: {actual.shape}, expected {expected.shape}"
    floats = np.issubdtype(expected.dtype, np.floating)
    if not np.array_equal(actual, expected, equal_nan=floats):
        wrong = actual != expected
        if floats:
            wrong &= ~(np.isnan(actual) & np.isnan(expected))
        at = np.argwhere(wrong)[:5].tolist()
        have, want = actual[wrong][:5], expected[wrong][:5]
        raise AssertionError(f"{where} at {at}: {have}, expected {want}")


def order(got: Sequence[Sequence[Got]]) -> list[int]:
    """The uids in global order."""
    return [uid for step in zip(*got, strict=True) for batch in step for uid in batch.uids]


def pss(pids: Sequence[int]) -> int:
    """Bytes of proportional set size of these processes: what they share counts once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(kb) for kb in re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)) * 1024
    return total
