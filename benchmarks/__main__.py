"""All benchmarks one after the other, each in a process of its own: `make bench`. Keep the machine quiet meanwhile."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "cli_startup",
    "runner_cost",
    "runner_overhead",
    "app_core",
    "setup_overhead",
    "kernels_pass",
    "sampler_cost",
    "blocks_apart",
    "compare_aa",
    "nights_drill",
    "page_overhead",
    "web_kernels",
    "duty",
    "frame_trace_cost",
    "block_cost",
    "page_server",
    "push",
    "virtual_phone",
    "eight_phones",
    "many_phones",
    "sleeping_phones",
    "fault_drill",
    "split",
    "models_build",
    "models_add",
    "coverage",
    "store_scale",
    "postgres",
    "adaptive_plan",
)


def main() -> int:
    """Run them all; the exit code of the last one that failed, else 0."""
    code = 0
    for name in BENCHMARKS:
        print(f"\n## {name}\n", flush=True)
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode or code
    return code


if __name__ == "__main__":
    sys.exit(main())
