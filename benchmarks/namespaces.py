"""Network namespaces of this computer, joined by a bridge: each is to its programs like a computer of its own.

They need root. Each has the loopback of its own and one address on the bridge, by which this computer is reached too.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "mobilebench"
_OURS = re.compile(rf"{_PREFIX}-(\d+)-\d+")
_BRIDGES = re.compile(r"mb(\d+)b")
_BITS = 24
_NEW_NETWORK = 0x40000000
"""`CLONE_NEWNET` of Linux, which tells `setns` what kind of namespace is meant."""
_HERE = Path("/proc/thread-self/ns/net")
_BY_NAME = Path("/run/netns")


@dataclass(frozen=True)
class Namespace:
    """One network namespace."""

    name: str
    address: str
    link: str
    """The bridge's end of its cable."""

    def command(self, words: Sequence[str]) -> list[str]:
        """A command that runs in it; the process that is started becomes the command's own."""
        return ["ip", "netns", "exec", self.name, *words]

    def cut(self) -> None:
        """Pull its cable: packets are dropped without a word."""
        _ip("link", "set", self.link, "down")

    def join(self) -> None:
        """Plug its cable in again."""
        _ip("link", "set", self.link, "up")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and the programs that it starts, are in the namespace until the context ends."""
        before = os.open(_HERE, os.O_RDONLY)
        try:
            _enter(_BY_NAME / self.name)
            try:
                yield
            finally:
                _enter(before)
        finally:
            os.close(before)


@dataclass(frozen=True)
class Network:
    """Namespaces on one bridge."""

    address: str
    """This computer's address on the bridge."""
    namespaces: tuple[Namespace, ...]


def why_not() -> str | None:
    """Why there can be no namespaces here, as a sentence; None if there can."""
    if os.geteuid() != 0:
        return "Network namespaces need root: run this as root."
    if shutil.which("ip") is None:
        return "Network namespaces need the program `ip` (Debian's package iproute2)."
    return None


@contextmanager
def network(count: int) -> Iterator[Network]:
    """Make so many namespaces, which are removed at the end; those of killed processes are removed now.

    Raises:
        SystemExit: there can be none here.
    """
    if reason := why_not():
        raise SystemExit(reason)
    remove_left()
    owner = os.getpid()
    bridge = f"mb{owner}b"
    made = addresses(owner, count)
    found = Network(
        made[0],
        tuple(
            Namespace(f"{_PREFIX}-{owner}-{number}", address, f"mb{owner}n{number}")
            for number, address in enumerate(made[1:], 1)
        ),
    )
    try:
        # an address of its own: by default it takes that of a port, and changes it with each new one
        _ip(
            "link",
            "add",
            bridge,
            "address",
            f"02:6d:62:{owner >> 16 & 255:02x}:{owner >> 8 & 255:02x}:01",
            "type",
            "bridge",
        )
        _ip("addr", "add", f"{found.address}/{_BITS}", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for one in found.namespaces:
            _ip("netns", "add", one.name)
            _ip("link", "add", one.link, "type", "veth", "peer", "name", "eth0", "netns", one.name)
            _ip("link", "set", one.link, "master", bridge, "up")
            _ip("-n", one.name, "addr", "add", f"{one.address}/{_BITS}", "dev", "eth0")
            for link in ("lo", "eth0"):
                _ip("-n", one.name, "link", "set", link, "up")
        yield found
    finally:
        for one in found.namespaces:
            _remove("netns", one.name)
            _remove("link", one.link)
        _remove("link", bridge)


def addresses(owner: int, count: int) -> list[str]:
    """This computer's address and those of `count` namespaces, in a network for benchmarks (RFC 2544) that depends on
    the process, so that two of them at a time seldom meet."""
    return [f"198.{18 + owner // 256 % 2}.{owner % 256}.{number}" for number in range(1, count + 2)]


def remove_left() -> None:
    """Remove namespaces and bridges whose process is not running any more."""
    for kind, pattern in (("netns", _OURS), ("link", _BRIDGES)):
        for name in _listed(kind):
            owner = pattern.fullmatch(name)
            if owner and not Path("/proc", owner[1]).exists():
                _remove(kind, name)


def _listed(kind: str) -> list[str]:
    words = ["ip", "-json", kind, "list" if kind == "netns" else "show"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return [one.get("name") or one.get("ifname", "") for one in json.loads(done.stdout or "[]")]


def _remove(kind: str, name: str) -> None:
    subprocess.run(["ip", kind, "del", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")


def _enter(namespace: Path | int) -> None:
    """Let this thread be in another network namespace."""
    descriptor = os.open(namespace, os.O_RDONLY) if isinstance(namespace, Path) else namespace
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns failed")
    finally:
        if isinstance(namespace, Path):
            os.close(descriptor)
