"""Started by a test, and killed: a run of slow blocks that notes each one it measures. The last half never end."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from mobilebench import session
from mobilebench.core.records import PlannedBlock
from mobilebench.results.store import Store

from ..results.making import host
from .fakes import FakeEngine, World, plan, sleeping

BLOCKS = 200
SECONDS = 0.02


def noting(path: Path) -> FakeEngine:
    wait = sleeping(SECONDS)

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        with path.open("a") as file:
            file.write(f"begun {planned.index}\n")
        wait(planned, cancel)
        if planned.index >= BLOCKS // 2:
            cancel.wait()
        with path.open("a") as file:
            file.write(f"ended {planned.index}\n")

    return FakeEngine(behave=behave)


def noted(path: Path, word: str) -> list[int]:
    lines = [line.split() for line in path.read_text().splitlines()]
    return [int(index) for what, index in lines if what == word]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    world = World(engine=noting(folder / "noted"))
    request = session.RunRequest(plan=plan(host(), rounds=BLOCKS), targets=(host(),))
    with Store.open(folder) as store:
        session.run(
            request, store, on_event=lambda event: None, cancel=threading.Event(), dependencies=world.dependencies()
        )
