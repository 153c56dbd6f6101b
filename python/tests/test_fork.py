"""What a forked child may do with a feed: nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.fake_feeder import FakeFeeder
from tests.scripts import started, until, written

CONNECT = """
    import os, pathlib, sys, lastmile
    feed = lastmile.connect("unix:" + sys.argv[1], "train", rank=0, world_size=1, arrays="numpy")
    batches = iter(feed)
    batch = next(batches)
    folder = pathlib.Path(sys.argv[1]).parent
"""


def test_a_child_cannot_use_the_feed(feeder: FakeFeeder, folder: Path) -> None:
    script = written(
        folder,
        CONNECT
        + """
    child = os.fork()
    if child == 0:
        for use in (lambda: next(batches), lambda: iter(feed), lambda: feed.load_state_dict(feed.state_dict())):
            try:
                use()
            except RuntimeError as error:
                print(error)
        print("ring-" in pathlib.Path("/proc/self/maps").read_text())
        sys.exit()  # with all the tidying up that an orderly end does
    os.waitpid(child, 0)
    print("ring-" in pathlib.Path("/proc/self/maps").read_text(), child, os.getpid())
    print(next(batches)["cat"].tolist())
    """,
    )
    process = started(script, feeder.path)
    client = feeder.client()
    client.batch(0, 0)
    client.batch(1, 1)
    output, errors = process.communicate(timeout=20)
    assert (errors, process.returncode) == ("", 0)
    *complaints, child_maps, parent_says, values = output.splitlines()
    parent_maps, child, parent = parent_says.split()
    assert (
        complaints
        == [
            f'Feed "train" belongs to process {parent} and cannot be used in its forked child {child}: '
            f'use it in the parent, or start workers with the "spawn" method'
        ]
        * 3
    )
    assert (child_maps, parent_maps) == ("False", "True")
    assert values == "[4, 5, 6, 7]"
    assert [message.kind for message in client.all_sent()].count(6) == 1


def test_a_child_does_not_hide_the_end_of_its_parent(feeder: FakeFeeder, folder: Path) -> None:
    script = written(
        folder,
        CONNECT
        + """
    child = os.fork()
    if child == 0:
        (folder / "child").write_text(str(os.getpid()))
        import time
        time.sleep(60)
    while not (folder / "child").exists() or not (folder / "child").read_text():
        pass
    os._exit(3)
    """,
    )
    process = started(script, feeder.path)
    client = feeder.client()
    client.batch(0, 0)
    assert process.wait(20) == 3
    assert [message.kind for message in client.all_sent()] == [2, 4]  # the end, without BYE
    child = int((folder / "child").read_text())
    os.kill(child, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    until(lambda: not Path(f"/proc/{child}").exists())


def test_a_script_that_ends_says_goodbye(feeder: FakeFeeder, folder: Path) -> None:
    process = started(written(folder, CONNECT), feeder.path)
    client = feeder.client()
    client.batch(0, 0)
    assert process.communicate(timeout=20) == ("", "")
    assert [message.kind for message in client.all_sent()] == [2, 4, 6]


def test_a_script_that_fails_with_batches_in_hand_ends(feeder: FakeFeeder, folder: Path) -> None:
    process = started(written(folder, CONNECT + "    raise SystemExit(5)"), feeder.path)
    client = feeder.client()
    client.batch(0, 0)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 5
    assert client.all_sent()[-1].kind == 6
