"""Refuses pages and runners of a checkout that were not built from its current sources.

An installed mobilebench has no sources, so nothing is compared.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from mobilebench.core import paths
from mobilebench.core.errors import BadInput
from mobilebench.engines.base import Engine
from mobilebench.engines.native import NativeEngine

PAGES = "web"


def needed_by(engine: Engine, runner: str) -> str | None:
    """The build that an engine needs: `web` for pages, `runner` for native engines; None if it needs neither."""
    if engine.kind == "web":
        return PAGES
    return runner if isinstance(engine, NativeEngine) else None


def require_current(builds: Iterable[str]) -> None:
    """Check that these builds, where they exist, were built from the current sources.

    Raises:
        BadInput: one was built from other sources, or its sources are unknown.
    """
    script = paths.sources_script()
    if not script.is_file():
        return
    for build in sorted(set(builds)):
        made = paths.web_pages() / "bench.html" if build == PAGES else paths.runner(build)
        if made.is_file() and (changed := _changed(build)):
            raise _stale(build, changed)


def _changed(build: str) -> list[str]:
    """Sources that were changed, added or removed after the build was made, sorted."""
    listed = subprocess.run([paths.sources_script(), build], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise BadInput(
            f"The sources of build {build} cannot be compared with it: {listed.stderr.strip()}.",
            hint="Check with `git status` that the checkout is complete.",
        )
    now = set(listed.stdout.splitlines())
    try:
        before = set(paths.sources_of(build).read_text().splitlines())
    except FileNotFoundError:
        return ["it is not known which"]
    return sorted({line.split(maxsplit=1)[-1] for line in now ^ before})


def _stale(build: str, changed: list[str]) -> BadInput:
    what, place, goal = f"native runner for {build}", "native/", "native"
    if build == PAGES:
        what, place, goal = "pages", "web/", "web"
    elif build.startswith("android-"):
        goal = "native-android"
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    verb = "were" if build == PAGES else "was"
    return BadInput(
        f"The {what} {verb} built from other sources than {place} has now ({changed[0]}{more}).",
        hint=f"Run `make {goal}`.",
    )
