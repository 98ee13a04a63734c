"""A phone's folder: the same tree is seen from outside, and as `/` from inside the sandbox.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from mobilebench.virtual import config, sysfs
from mobilebench.virtual.config import METADATA, PhoneConfig
from mobilebench.virtual.state import State, StateFile


class PhoneFiles:
    """Files of a phone; `root` is its folder on this computer, or `/` in its sandbox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata = root / METADATA.removeprefix("/")
        self._state = StateFile(self.metadata)

    @cached_property
    def config(self) -> PhoneConfig:
        return config.read(self.metadata)

    @property
    def state(self) -> State:
        return self._state.read()

    def change(self, edit: Callable[[State], State]) -> State:
        """Change the state, and update `/sys`."""
        return self._state.change(edit, lambda state: sysfs.write(self.root / "sys", self.config, state))
