"""Chrome or Chromium on this computer: found, started with a fresh profile, and ended without a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

from mobilebench.browsers import cdp, display, launching
from mobilebench.browsers.launching import Binary, RunningBrowser
from mobilebench.core.errors import Unsupported

NAMES = ("google-chrome-stable", "google-chrome", "chromium", "chromium-browser", "chrome")
WORDS = ("Chrom",)
"""One of which its `--version` has to name."""
HEADLESS = "--headless"
QUIET = (
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-field-trial-config",
    "--disable-breakpad",
    "--metrics-recording-only",
    "--password-store=basic",
    "--mute-audio",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
)
"""A browser that asks nothing, tells nobody anything, talks to loopback only, and loads no pages of its own."""
AWAKE = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
"""A page that measures must never be slowed down as one that nobody looks at."""
SOFTWARE_GPU = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
)
"""WebGL2 and WebGPU computed by the CPU."""
HARDWARE_GPU = ("--ignore-gpu-blocklist", "--enable-unsafe-webgpu")
"""WebGL2 and WebGPU on the machine's own GPU, where there is one."""
_FEATURE_LISTS = ("--enable-features", "--disable-features", "--enable-blink-features", "--disable-blink-features")
WEBNN = ("--enable-features=WebMachineLearningNeuralNetwork",)
"""WebNN, where the platform has it."""


def find() -> Binary | None:
    """The Chrome of this computer: `MOBILEBENCH_CHROME`, else the first of the usual names on PATH.

    Raises:
        BadInput: the variable names something else.
    """
    return launching.find("MOBILEBENCH_CHROME", NAMES, WORDS)


def joined(flags: Sequence[str]) -> tuple[str, ...]:
    """The flags with one list of features of each kind: of several, Chrome would take only the last."""
    lists: dict[str, list[str]] = {}
    for flag in flags:
        name, _, names = flag.partition("=")
        if name in _FEATURE_LISTS:
            lists.setdefault(name, []).extend(names.split(","))
    others = [flag for flag in flags if flag.partition("=")[0] not in lists]
    return (*others, *(f"{name}={','.join(dict.fromkeys(names))}" for name, names in lists.items()))


@contextmanager
def launch(
    flags: Sequence[str] = (),
    *,
    binary: Binary | None = None,
    headed: bool = False,
    timeout: float = 30.0,
    cancel: Event | None = None,
) -> Iterator[RunningBrowser]:
    """Start a Chrome with a fresh profile; leaving ends all its processes and removes the profile.

    Leave it in the thread that entered it: the browser dies with that thread, so that none outlives mobilebench.

    Raises:
        Unsupported: there is no Chrome on this computer, or no screen for one that is to be `headed`.
        BlockFailed: it ended at once, did not open its DevTools port within `timeout` seconds, or `cancel` was set.
    """
    binary = binary or find()
    if binary is None:
        raise Unsupported(
            "There is no Chrome or Chromium on this computer.",
            hint="Install one (on Debian: apt-get install chromium), or set MOBILEBENCH_CHROME to its path.",
        )
    if headed:
        display.demand("Chrome")
    with launching.fresh_profile("chrome") as profile:
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        window = () if headed else (HEADLESS,)
        all_flags = joined((*window, *QUIET, *AWAKE, *sandbox, *binary.flags, *flags))
        argv = [str(binary.path), f"--user-data-dir={profile}", *all_flags, "about:blank"]
        with launching.started(argv, {"TMPDIR": str(profile)}, profile) as process:

            def address() -> str | None:
                lines = (profile / "DevToolsActivePort").read_text().splitlines()
                return f"http://127.0.0.1:{lines[0]}" if len(lines) >= 2 and lines[0].isdecimal() else None

            found = launching.wait_for_address("Chrome", process, profile, address, timeout, cancel)
            version = cdp.browser_version(found)
            yield RunningBrowser("chrome", version, found, all_flags, process.pid, profile, binary.path.name)
