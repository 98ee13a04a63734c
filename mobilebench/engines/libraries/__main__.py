"""Make every library ready for this computer and print where it is."""

from __future__ import annotations

import sys

from mobilebench.core.errors import MobilebenchError
from mobilebench.engines.libraries.resolve import ENGINES, host_build, library


def main() -> int:
    """Returns the exit code: 0, or the code of the first library that cannot be obtained."""
    for engine in ENGINES:
        try:
            found = library(engine, host_build())
        except MobilebenchError as error:
            sys.stderr.write(f"{error.text_with_hint}\n")
            return int(error.exit_code)
        sys.stdout.write(f"{engine}: {found.path} ({found.origin})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
