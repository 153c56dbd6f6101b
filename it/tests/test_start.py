"""What `./lastmile` needs on the machine, and what it says when something is missing."""

from __future__ import annotations

from pathlib import Path

from harness import Sandbox


def test_without_a_jdk_it_says_how_to_get_one(sandbox: Sandbox) -> None:
    home = sandbox.folder / "home"
    home.mkdir()
    sandbox.environment |= {"JAVA_HOME": "", "HOME": str(home), "PATH": "/usr/bin:/bin"}
    sandbox.mount(Path("/usr/lib/jvm"), "1m")
    outcome = sandbox.start("version").wait().expect(2)
    assert outcome.err.startswith("error: No JDK 25 found (looked at JAVA_HOME, /usr/lib/jvm, ")
    assert "and set JAVA_HOME" in outcome.err


def test_a_jdk_of_another_version_is_passed_over(sandbox: Sandbox) -> None:
    old = sandbox.folder / "jdk-17"
    (old / "bin").mkdir(parents=True)
    for name in ("java", "javac"):
        (old / "bin" / name).write_text("#!/bin/sh\necho wrong JDK\nexit 1\n")
        (old / "bin" / name).chmod(0o755)
    (old / "release").write_text('JAVA_VERSION="17.0.15"\n')
    found = sandbox.environment["JAVA_HOME"]
    sandbox.environment |= {"JAVA_HOME": str(old), "HOME": str(sandbox.folder)}
    if not found.startswith("/usr/lib/jvm/"):
        places = sandbox.folder / ".sdkman" / "candidates" / "java"
        places.mkdir(parents=True)
        (places / "25").symlink_to(found)
    assert sandbox.start("version").wait().expect(0).out == "lastmile 0.1.0\n"
