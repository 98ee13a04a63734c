"""The shell service below adb: what is left of a command whose client goes away."""

from __future__ import annotations

import asyncio
import os

import pytest

from mobilebench.virtual import shell
from mobilebench.virtual.adb_transport import Packet, Stream
from mobilebench.virtual.shell import FrameId, ShellRequest

_SHELL = ["/bin/sh"]
_ENVIRONMENT = {"PATH": os.environ["PATH"]}
_LINES = "trap 'exit 1' HUP; echo one; sleep 0.1; while :; do echo more; sleep 0.02; done"
"""Its first line is sent; the next ones wait for an acknowledgement."""


def stream(sent: list[Packet]) -> Stream:
    made = Stream(1, 1, sent.append, 4096)
    made.accepted()
    return made


async def answer(command: str) -> bytes:
    """What a command with a client that acknowledges everything answers."""
    sent: list[Packet] = []
    made = stream(sent)
    made._send = lambda packet: (sent.append(packet), made.accepted())  # type: ignore[method-assign, func-returns-value]
    request = ShellRequest(command, terminal=False, framed=True)
    await asyncio.wait_for(shell.serve(request, made, _SHELL, _ENVIRONMENT, "/"), 60)
    return b"".join(packet.payload for packet in sent)


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_of_a_command_is_watched_after_its_client_is_gone(framed: bool, terminal: bool) -> None:
    """A pipe that is still watched would take the place of a later one with the same number, which then never ends."""

    async def run() -> bytes:
        sent: list[Packet] = []
        made = stream(sent)
        request = ShellRequest(_LINES, terminal=terminal, framed=framed)
        serving = asyncio.ensure_future(shell.serve(request, made, _SHELL, _ENVIRONMENT, "/"))
        while not sent or made._writable.is_set() or not made._write_turn.locked():
            await asyncio.sleep(0.01)
        made.lost()
        await asyncio.wait_for(serving, 60)
        assert [task for task in asyncio.all_tasks() if "carry" in repr(task)] == []
        while any("_process_end" in repr(task) for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)  # then the next command gets the same numbers
        return await answer("sleep 0.02; echo well; echo bad >&2")

    whole = asyncio.run(run())
    assert shell.frame(FrameId.STDOUT, b"well\n") in whole
    assert shell.frame(FrameId.STDERR, b"bad\n") in whole


def test_a_command_that_was_writing_is_hung_up_on(tmp_path: os.PathLike[str]) -> None:
    async def run() -> None:
        sent: list[Packet] = []
        made = stream(sent)
        told = os.path.join(tmp_path, "told")
        command = f"trap 'echo hung up > {told}; exit 1' HUP; while :; do echo more; sleep 0.02; done"
        serving = asyncio.ensure_future(
            shell.serve(ShellRequest(command, terminal=False, framed=True), made, _SHELL, _ENVIRONMENT, "/")
        )
        while not sent or not made._write_turn.locked():
            await asyncio.sleep(0.01)
        made.lost()
        await asyncio.wait_for(serving, 60)
        for _ in range(3000):
            if os.path.exists(told) and os.path.getsize(told):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the command got no SIGHUP")

    asyncio.run(run())
