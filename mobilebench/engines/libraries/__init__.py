"""The engine libraries that native runners load: a user's files, else the lock file's libraries, fetched once.

    libraries_for("tflite", "gpu", "android-arm64-v8a") → core and delegate, with version, licence and checksum

`lock.yaml` has the sources and checksum of each. `mobilebench libraries` lists and fetches them.
"""

from mobilebench.engines.libraries.given import Given, every_file, require_use, using, using_files
from mobilebench.engines.libraries.library import EngineLibraries, Library
from mobilebench.engines.libraries.resolve import (
    ENGINES,
    host_build,
    host_version,
    libraries_for,
    library,
    missing_reason,
    providers_beside,
)

__all__ = [
    "ENGINES",
    "EngineLibraries",
    "Given",
    "Library",
    "every_file",
    "host_build",
    "host_version",
    "libraries_for",
    "library",
    "missing_reason",
    "providers_beside",
    "require_use",
    "using",
    "using_files",
]
