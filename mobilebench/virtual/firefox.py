"""Firefox on the phone: this computer's Firefox, started with the settings of a GeckoView configuration file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mobilebench.virtual.browser_process import DidNotStart, RunningProgram
from mobilebench.virtual.config import PhoneConfig

_UNLIKE_DESKTOPS: Mapping[str, bool | str] = {
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
}
"""Preferences against pages that Firefox opens by itself, which a phone's Firefox does not."""
_BLANK = "about:blank"
_FOCUSED_BLANK = "data:,"
"""An empty page that gets the focus; on `about:blank`, desktop Firefox keeps the focus in its address bar."""


def config_file(package: str) -> str:
    """Path of the configuration file that a GeckoView app reads if it is the debug app."""
    return f"/data/local/tmp/{package}-geckoview-config.yaml"


@dataclass(frozen=True)
class GeckoConfig:
    """Supported content of that file."""

    args: tuple[str, ...] = ()
    prefs: Mapping[str, bool | int | str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def read_config(text: str) -> GeckoConfig:
    """Parse the file, which is YAML on a phone; only JSON is read here, and other text counts as a broken file."""
    try:
        data = json.loads(text)
        return GeckoConfig(
            tuple(str(word) for word in data.get("args", ())),
            dict(data.get("prefs", {})),
            {str(name): str(value) for name, value in data.get("env", {}).items()},
        )
    except (ValueError, AttributeError, TypeError):
        return GeckoConfig()


class Firefox:
    """The phone's Firefox; at most one runs."""

    def __init__(self, config: PhoneConfig) -> None:
        self._config = config
        self._package = ""
        self._program: RunningProgram | None = None
        self._turn = asyncio.Lock()

    @property
    def running(self) -> str | None:
        """Package of the running Firefox, or None."""
        return self._package if self._program and self._program.pid is not None else None

    async def open(self, package: str, url: str | None, how: GeckoConfig) -> None:
        """Start Firefox unless it is running. Raises `DidNotStart`."""
        async with self._turn:
            if self.running == package:
                return
            await self._stop()
            binary = self._config.firefox
            if binary is None:
                raise DidNotStart("there is no Firefox on this computer")
            profile = Path(self._config.path(f"/data/data/{package}"))
            self._package = package
            self._program = RunningProgram(self._config, profile)
            for name in ("lock", ".parentlock"):
                (profile / name).unlink(missing_ok=True)  # left by a Firefox whose phone was switched off
            preferences = {**_UNLIKE_DESKTOPS, **how.prefs}
            lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in preferences.items())
            (profile / "user.js").write_text("".join(lines), encoding="utf-8")
            own = [binary.binary, "--headless", "--no-remote", "--profile", str(profile)]
            # Not every computer allows a sandbox inside the phone's sandbox.
            alone = {"MOZ_DISABLE_CONTENT_SANDBOX": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
            shown = _FOCUSED_BLANK if url in (None, _BLANK) else url
            self._program.start([*own, *how.args, shown], {**alone, **how.env})

    async def stop(self) -> None:
        """End Firefox and all its processes."""
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        if self._program is not None:
            await self._program.stop()
            self._program = None
