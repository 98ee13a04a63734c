"""The smallest target that a web engine can be measured on: this computer, without the room `targets`."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from mobilebench.browsers import chrome
from mobilebench.results.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.targets.base import BrowserHandle, Pushed, ShellResult, TargetPath


def host_info(**changes: object) -> TargetInfo:
    found = chrome.find()
    info = TargetInfo(
        id="host",
        kind="host",
        machine="test",
        name="this computer",
        soc="test",
        os=platform.system(),
        abi="x86_64",
        runner="linux-x86_64",
        cores=os.cpu_count() or 1,
        browsers={"chrome": found.version} if found else {},
    )
    return info.model_copy(update=dict(changes))


def planned(engine: str, backend: str, setting: str, threads: int, model: str, rule: BlockRule) -> PlannedBlock:
    case = Case(
        target="host", engine=engine, backend=backend, setting=setting, threads=threads, browser="chrome", model=model
    )
    return PlannedBlock(index=0, round=0, case=case, rule=rule)


class LocalTarget:
    """Browser and page server meet on loopback; web engines need nothing else."""

    def __init__(self) -> None:
        self.info = host_info()
        self.running: list[chrome.RunningChrome] = []

    @contextmanager
    def browser(self, name: str, flags: Sequence[str] = ()) -> Iterator[BrowserHandle]:
        with chrome.launch(flags) as running:
            self.running.append(running)
            yield BrowserHandle(name, running.version, running.devtools, running.flags)

    @contextmanager
    def reverse(self, port: int) -> Iterator[str]:
        yield f"http://127.0.0.1:{port}"

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        raise AssertionError("web engines run no commands")

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        raise AssertionError("web engines push nothing")

    def pull(self, remote: TargetPath, local: Path) -> None:
        raise AssertionError("web engines pull nothing")
