"""How long `devices` and `doctor` take with many virtual phones, against one of them.

Prints the median wall seconds of each command. Promise for 32 phones: `devices` at most 3 s, `doctor` at most 10 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.eight_phones import free_port
from mobilebench.core.errors import ExitCode

COMMANDS = ("devices", "doctor")
_FINE = {ExitCode.OK, ExitCode.SUSPECT, ExitCode.CASES_FAILED}
"""`doctor` says by its exit code what is degraded, such as a full disk of this computer."""


def seconds(command: str, out: Path) -> float:
    """Wall seconds of a command in a fresh process, from its start to its end."""
    line = [sys.executable, "-m", "mobilebench", command, *(["--out", str(out)] if command == "doctor" else [])]
    start = time.perf_counter()
    ended = subprocess.run(line, stdout=subprocess.DEVNULL)
    if ended.returncode not in _FINE:
        raise SystemExit(f"{' '.join(line)} ended with {ended.returncode}")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=32)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    port = str(free_port())
    found: dict[int, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"MOBILEBENCH_HOME": home, "ANDROID_ADB_SERVER_PORT": port}
        from mobilebench.virtual import phones

        try:
            for count in (1, options.phones):
                phones.up(count, chrome=False)
                out = Path(home, "results")
                found[count] = {command: [seconds(command, out) for _ in range(options.times)] for command in COMMANDS}
        finally:
            phones.down()
            subprocess.run(["adb", "-P", port, "kill-server"], check=False, capture_output=True)
    print(f"| command | 1 phone | {options.phones} phones |\n|---|---:|---:|")
    for command in COMMANDS:
        print(f"| `{command}` | " + " | ".join(f"{median(times[command]):.2f} s" for times in found.values()) + " |")


if __name__ == "__main__":
    main()
