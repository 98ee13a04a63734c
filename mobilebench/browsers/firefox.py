"""Find Firefox on this computer, start it with an empty profile, and end it without leaving files.

Its settings are written as flags of three kinds, so that a proof can show them all: `--argument`,
`preference=JSON`, and `VARIABLE=value` for the environment (name in capitals).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from mobilebench.browsers import launching
from mobilebench.browsers.launching import Binary, RunningBrowser
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported

NAMES = ("firefox", "firefox-esr", "firefox-beta", "firefox-devedition", "firefox-nightly")
WORDS = ("Firefox",)
"""Names, one of which has to be in the output of `--version`."""
HEADLESS = "--headless"
BLANK = "data:,"
"""An empty page that gets the focus; with `about:blank`, Firefox focuses its address bar instead."""
QUIET = (
    "app.normandy.enabled=false",
    "app.shield.optoutstudies.enabled=false",
    "app.update.disabledForTesting=true",
    "browser.aboutwelcome.enabled=false",
    "browser.newtab.preload=false",
    "browser.newtabpage.enabled=false",
    "browser.safebrowsing.malware.enabled=false",
    "browser.safebrowsing.phishing.enabled=false",
    "browser.search.update=false",
    "browser.sessionstore.resume_from_crash=false",
    "browser.shell.checkDefaultBrowser=false",
    'browser.startup.homepage="about:blank"',
    'browser.startup.homepage_override.mstone="ignore"',
    "browser.startup.page=0",
    "datareporting.healthreport.uploadEnabled=false",
    "datareporting.policy.dataSubmissionEnabled=false",
    "dom.ipc.processPrelaunch.enabled=false",
    "extensions.systemAddon.update.enabled=false",
    "extensions.update.enabled=false",
    "media.gmp-manager.updateEnabled=false",
    "network.captive-portal-service.enabled=false",
    "network.connectivity-service.enabled=false",
    "network.dns.disablePrefetch=true",
    "network.http.speculative-parallel-limit=0",
    'network.proxy.http="127.0.0.1"',
    "network.proxy.http_port=9",
    'network.proxy.ssl="127.0.0.1"',
    "network.proxy.ssl_port=9",
    "network.proxy.allow_bypass=false",
    "network.proxy.failover_direct=false",
    "network.proxy.type=1",
    "signon.rememberSignons=false",
    "toolkit.telemetry.enabled=false",
    "toolkit.telemetry.reportingpolicy.firstRun=false",
    'toolkit.telemetry.server=""',
    "toolkit.telemetry.unified=false",
    "MOZ_CRASHREPORTER_DISABLE=1",
    "MOZ_DATA_REPORTING=0",
)
"""Flags for a browser that asks and reports nothing, and uses loopback only: other traffic goes to a proxy port where
nothing listens, because Firefox fetches some settings regardless of its preferences."""
AWAKE = (
    "dom.ipc.processPriorityManager.enabled=false",
    "dom.max_script_run_time=0",
    "dom.min_background_timeout_value=4",
    "dom.timeout.enable_budget_timer_throttling=false",
    "widget.windows.window_occlusion_tracking.enabled=false",
)
"""Flags against the throttling of background pages, and against the stopping of long scripts."""
SOFTWARE_GPU = (
    "webgl.force-enabled=true",
    "dom.webgpu.enabled=true",
    "gfx.webgpu.ignore-blocklist=true",
    "MOZ_WEBGL_FORCE_EGL=1",
    "LIBGL_ALWAYS_SOFTWARE=1",
)
"""Flags for WebGL2 by Mesa on the CPU, and WebGPU too if Mesa's Vulkan driver (mesa-vulkan-drivers) is installed."""
HARDWARE_GPU = ("webgl.force-enabled=true", "dom.webgpu.enabled=true", "gfx.webgpu.ignore-blocklist=true")
"""Flags for WebGL2 and WebGPU on the machine's own GPU, if it has one."""


@dataclass(frozen=True)
class Start:
    """Flags sorted by kind."""

    arguments: tuple[str, ...]
    preferences: dict[str, Any]
    environment: dict[str, str]


def sorted_out(flags: Sequence[str]) -> Start:
    """Sort flags by kind; if a preference or variable is set twice, the last flag counts.

    Raises:
        BadInput: a flag is of none of the three kinds.
    """
    arguments = []
    preferences: dict[str, Any] = {}
    environment = {}
    for flag in flags:
        name, equals, value = flag.partition("=")
        if flag.startswith("--"):
            arguments.append(flag)
        elif equals and name.isupper() and name.isidentifier():
            environment[name] = value
        elif equals and name:
            preferences[name] = _preference(flag, value)
        else:
            raise _no_flag(flag)
    return Start(tuple(arguments), preferences, environment)


def find() -> Binary | None:
    """Find Firefox on this computer: `MOBILEBENCH_FIREFOX`, else the first of the usual names on PATH.

    Raises:
        BadInput: the variable does not name a Firefox.
    """
    return launching.find("MOBILEBENCH_FIREFOX", NAMES, WORDS)


@contextmanager
def launch(
    flags: Sequence[str] = (),
    *,
    binary: Binary | None = None,
    headed: bool = False,
    timeout: float = 60.0,
    cancel: Event | None = None,
) -> Iterator[RunningBrowser]:
    """Start Firefox with an empty profile; leaving the context ends all its processes and removes the profile.

    Leave the context in the thread that entered it: the browser dies with that thread, and so with mobilebench.

    Raises:
        BadInput: a flag is of none of the three kinds.
        Unsupported: there is no Firefox on this computer, or no screen although `headed` is set.
        BlockFailed: it ended at once, did not open its port within `timeout` seconds, or `cancel` was set.
    """
    binary = binary or find()
    if binary is None:
        raise Unsupported(
            "There is no Firefox on this computer.",
            hint="Install it (on Debian: apt-get install firefox-esr), or set MOBILEBENCH_FIREFOX to its path.",
        )
    if headed:
        launching.require_screen("Firefox")
    window = () if headed else (HEADLESS,)
    all_flags = (*window, *QUIET, *AWAKE, *binary.flags, *flags)
    start = sorted_out(all_flags)
    with launching.fresh_profile("firefox") as profile:
        _write_preferences(profile, start.preferences)
        argv = [str(binary.path), "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
        environment = {**_home(profile), **start.environment}
        with launching.started([*argv, *start.arguments, BLANK], environment, profile) as process:

            def address() -> str | None:
                server = json.loads((profile / "WebDriverBiDiServer.json").read_text())
                port = server.get("ws_port") if isinstance(server, dict) else None
                return f"ws://127.0.0.1:{port}" if isinstance(port, int) else None

            found = launching.wait_for_address("Firefox", process, profile, address, timeout, cancel)
            yield RunningBrowser("firefox", binary.version, found, all_flags, process.pid, profile, binary.path.name)


def _write_preferences(profile: Path, preferences: dict[str, Any]) -> None:
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    try:
        (profile / "user.js").write_text("".join(lines))
    except OSError as error:
        words = f"The profile of Firefox could not be written: {error}."
        raise BlockFailed(words, fault=launching.no_space(error)) from None


def _home(profile: Path) -> dict[str, str]:
    """Environment that keeps all written files inside the profile; the screen's access key stays where it is."""
    home = {"HOME": str(profile), "TMPDIR": str(profile), "XDG_CACHE_HOME": str(profile / "cache")}
    key = Path.home() / ".Xauthority"
    return home | ({"XAUTHORITY": str(key)} if "XAUTHORITY" not in os.environ and key.is_file() else {})


def _preference(flag: str, value: str) -> Any:
    try:
        found = json.loads(value)
    except ValueError:
        raise _no_flag(flag) from None
    if not isinstance(found, (bool, int, str)):
        raise _no_flag(flag)
    return found


def _no_flag(flag: str) -> BadInput:
    return BadInput(
        f"“{flag}” is not a flag of Firefox.",
        hint='A flag is --argument, preference=JSON (dom.webgpu.enabled=true, name="text") or VARIABLE=value.',
    )
