"""Find Chrome or Chromium on this computer, start it with an empty profile, and end it without leaving files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

from mobilebench.browsers import cdp, launching
from mobilebench.browsers.launching import Binary, RunningBrowser
from mobilebench.core.errors import Unsupported

NAMES = ("google-chrome-stable", "google-chrome", "chromium", "chromium-browser", "chrome")
WORDS = ("Chrom",)
"""Names, one of which has to be in the output of `--version`."""
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
"""Flags for a browser that asks and reports nothing, uses loopback only, and loads no pages by itself."""
AWAKE = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
"""Flags against the throttling of background and hidden pages."""
SOFTWARE_GPU = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
)
"""Flags for WebGL2 and WebGPU on the CPU."""
HARDWARE_GPU = ("--ignore-gpu-blocklist", "--enable-unsafe-webgpu")
"""Flags for WebGL2 and WebGPU on the machine's own GPU, if it has one."""
_FEATURE_LISTS = ("--enable-features", "--disable-features", "--enable-blink-features", "--disable-blink-features")
WEBNN = ("--enable-features=WebMachineLearningNeuralNetwork",)
"""Flags for WebNN, if the platform supports it."""


def find() -> Binary | None:
    """Find Chrome on this computer: `MOBILEBENCH_CHROME`, else the first of the usual names on PATH.

    Raises:
        BadInput: the variable does not name a Chrome.
    """
    return launching.find("MOBILEBENCH_CHROME", NAMES, WORDS)


def joined(flags: Sequence[str]) -> tuple[str, ...]:
    """Merge repeated feature-list flags into one of each kind, because Chrome reads only the last."""
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
    """Start Chrome with an empty profile; leaving the context ends all its processes and removes the profile.

    Leave the context in the thread that entered it: the browser dies with that thread, and so with mobilebench.

    Raises:
        Unsupported: there is no Chrome on this computer, or no screen although `headed` is set.
        BlockFailed: it ended at once, did not open its DevTools port within `timeout` seconds, or `cancel` was set.
    """
    binary = binary or find()
    if binary is None:
        raise Unsupported(
            "There is no Chrome or Chromium on this computer.",
            hint="Install one (on Debian: apt-get install chromium), or set MOBILEBENCH_CHROME to its path.",
        )
    if headed:
        launching.require_screen("Chrome")
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
