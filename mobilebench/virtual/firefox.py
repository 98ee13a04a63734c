"""Firefox on the phone: this computer's Firefox, started as GeckoView's configuration file says."""

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
"""A phone's Firefox shows what it is asked to show, and nothing else."""
_BLANK = "about:blank"
_FOCUSED_BLANK = "data:,"
"""On an empty page a desktop's Firefox gives the focus to its address bar, for good; on this one it does not."""


def config_file(package: str) -> str:
    """Where an app of GeckoView that is set for debugging reads how it is to be started."""
    return f"/data/local/tmp/{package}-geckoview-config.yaml"


@dataclass(frozen=True)
class GeckoConfig:
    """What that file may say."""

    args: tuple[str, ...] = ()
    prefs: Mapping[str, bool | int | str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def read_config(text: str) -> GeckoConfig:
    """Of YAML, which the file is on a phone, JSON is read here; anything else is nothing, as a broken file is there."""
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
    """At most one Firefox a phone."""

    def __init__(self, config: PhoneConfig) -> None:
        self._config = config
        self._package = ""
        self._program: RunningProgram | None = None
        self._turn = asyncio.Lock()

    @property
    def running(self) -> str | None:
        """Package of the Firefox that runs."""
        return self._package if self._program and self._program.pid is not None else None

    async def open(self, package: str, url: str | None, how: GeckoConfig) -> None:
        """Start Firefox, unless it runs. Raises `DidNotStart`."""
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
            # A sandbox within the phone's sandbox cannot be had everywhere.
            alone = {"MOZ_DISABLE_CONTENT_SANDBOX": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
            shown = _FOCUSED_BLANK if url in (None, _BLANK) else url
            self._program.start([*own, *how.args, shown], {**alone, **how.env})

    async def stop(self) -> None:
        """End Firefox and every process of it."""
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        if self._program is not None:
            await self._program.stop()
            self._program = None
