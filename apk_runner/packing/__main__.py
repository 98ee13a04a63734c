"""`python -m apk_runner.packing`: builds an APK. `make apk` calls it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from apk_runner.packing import apk, engine_libraries
from apk_runner.packing.facts import apk as shipped
from apk_runner.packing.facts import facts
from mobilebench.core.errors import MobilebenchError


def main() -> int:
    """Build what the command line asks for. Returns the exit code."""
    asked = _asked(facts().abis)
    target = asked.output or _place(asked.engines, asked.abi)
    try:
        apk.build(apk.Plan(abis=tuple(asked.abi), engines=tuple(asked.engines)), target)
    except MobilebenchError as error:
        sys.stderr.write(f"{error.text_with_hint}\n")
        return 1
    sys.stdout.write(f"Built {target} ({target.stat().st_size / 1000:.0f} kB)\n")
    return 0


def _asked(abis: tuple[str, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m apk_runner.packing", description="Build the Android app.")
    parser.add_argument(
        "--engines",
        nargs="*",
        default=[],
        choices=engine_libraries.ENGINES,
        help="engines whose libraries the APK carries; without them mobilebench brings the libraries to the app",
    )
    parser.add_argument("--abi", nargs="*", default=list(abis), choices=abis, help="processors (default: all)")
    parser.add_argument("--output", type=Path, help="where to write the APK")
    return parser.parse_args()


def _place(engines: list[str], abis: list[str]) -> Path:
    """The APK that mobilebench ships, or a name in `dist/` for any other."""
    if not engines and tuple(abis) == facts().abis:
        return shipped()
    return Path("dist") / f"{'-'.join(['mobilebench', *engines, *abis])}.apk"


if __name__ == "__main__":
    sys.exit(main())
