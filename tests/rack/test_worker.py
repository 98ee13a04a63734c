"""What a rack's worker says about its connection to the scheduler."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from mobilebench.rack import certificates, worker
from mobilebench.rack.certificates import Wanted
from mobilebench.rack.client import parse_address
from mobilebench.rack.host import Host
from mobilebench.rack.phones import FixedPhones
from mobilebench.rack.simulated import SleepingExecutor

ADDRESS = "tls://lab.example.org:8786"


async def refused(*_: object, **__: object) -> NoReturn:
    """Fails as Dask does while nothing listens at an address."""
    try:
        raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    except OSError as error:
        try:
            raise RuntimeError("in <a connector object at 0x7f35>") from error
        except RuntimeError as wrapped:
            raise OSError("Timed out trying to connect after 10 s") from wrapped


async def silent(*_: object, **__: object) -> NoReturn:
    """Fails as Dask does while nothing answers at an address."""
    raise OSError("Timed out trying to connect after 10 s") from asyncio.CancelledError()


@pytest.mark.parametrize(
    ("connect", "reason"), [(refused, "Connection refused"), (silent, "Timed out trying to connect after 10 s")]
)
def test_a_scheduler_that_is_not_there_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connect: object, reason: str
) -> None:
    monkeypatch.setattr(worker, "connect", connect)
    (folder,) = certificates.make(tmp_path / "ca", [Wanted("worker", "lab-1")])
    host = Host("lab-1", tmp_path / "host", FixedPhones([]), SleepingExecutor())
    said: list[str] = []

    async def main() -> None:
        stop = asyncio.Event()

        def say(sentence: str) -> None:
            said.append(sentence)
            stop.set()

        credentials = certificates.find("worker", folder)
        await worker.work(
            parse_address(ADDRESS), credentials, host, listen=None, changed=asyncio.Event(), say=say, stop=stop
        )

    asyncio.run(main())
    host.close()
    assert said == [f"The scheduler at {ADDRESS} cannot be reached ({reason}); the worker tries again."]
