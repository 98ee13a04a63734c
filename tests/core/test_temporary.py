"""Temporary folders of this process, and those of killed ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from mobilebench.core.temporary import folder

PREFIX = "mobilebench-test-"
KEEP = """
import sys
from mobilebench.core.temporary import folder
with folder(sys.argv[1]) as made:
    (made / "file").write_text("content")
    print(made, flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_removed_on_leaving(temporary: Path) -> None:
    with folder(PREFIX) as made:
        assert list(temporary.iterdir()) == [made]
        assert made.name.startswith(f"{PREFIX}{os.getpid()}-")
        (made / "inner").mkdir()
    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_that_of_a_running_one_stays(temporary: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEP, PREFIX],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    assert left.parent == temporary
    with folder(PREFIX):
        assert (left / "file").is_file()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (left / "file").is_file()
    with folder("mobilebench-other-"):
        assert left.exists()
    with folder(PREFIX):
        assert not left.exists()


def test_what_others_named_alike_stays(tmp_path: Path, temporary: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / "precious").touch()
    link = temporary / f"{PREFIX}{ended.pid}-link"
    link.symlink_to(tmp_path)
    names = [f"{PREFIX}notes", f"{PREFIX}{ended.pid}", f"{PREFIX}-1-x", f"other-{PREFIX}{ended.pid}-x"]
    for name in names:
        (temporary / name).mkdir()
    with folder(PREFIX):
        pass
    assert sorted(one.name for one in temporary.iterdir()) == sorted([*names, link.name])
    assert (tmp_path / "precious").exists()
