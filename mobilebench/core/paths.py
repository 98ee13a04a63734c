"""The folders for mobilebench's files on this computer, and the paths of files that it ships."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from mobilebench.core.errors import BadInput

_FOLDERS = {"MOBILEBENCH_HOME": "The home folder", "MOBILEBENCH_CACHE": "The cache folder"}
PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = PACKAGE.parent


def home() -> Path:
    """Folder for results, runs, locks and virtual phones: `MOBILEBENCH_HOME`, else the user's data folder."""
    return _folder("MOBILEBENCH_HOME", platformdirs.user_data_path("mobilebench"))


def cache() -> Path:
    """Folder for models and engine libraries, which can be recreated: `MOBILEBENCH_CACHE`, else the user's cache."""
    return _folder("MOBILEBENCH_CACHE", platformdirs.user_cache_path("mobilebench"))


def compressed() -> Path:
    """`<cache>/compressed`, created when it is missing: models and pages in compressed form for sending.

    Users of the files hold `compressed_lock` shared; a process that removes files holds it alone.
    """
    return _made(cache() / "compressed")


def compressed_lock() -> Path:
    """The lock file of `compressed`; it is never removed."""
    lock = compressed() / ".lock"
    lock.touch()
    return lock


def expanded(path: Path | str) -> Path:
    """The path with the home folder in place of `~` or `~name`. Raises `BadInput` if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadInput(
            f"The path {path} begins with a user who is not known here.", hint="Write the whole path."
        ) from error


def web_pages() -> Path:
    """The pages built from `web/` by Vite."""
    return PACKAGE / "assets" / "web"


def figures_script() -> Path:
    """The script that draws the report's figures, built from `web/` by Vite."""
    return web_pages() / "report-figures.js"


def runner(build: str) -> Path:
    """The native runner of one build, such as `linux-x86_64` or `android-arm64-v8a`."""
    return PACKAGE / "assets" / "runners" / build / "mobilebench-runner"


def app() -> Path:
    """mobilebench's Android app, without engines; `make apk` builds it."""
    return PACKAGE / "assets" / "app" / "mobilebench.apk"


def sources_of(build: str) -> Path:
    """File with the checksums of the sources of a build: `web`, or a runner build."""
    return PACKAGE / "assets" / "sources" / build


def sources_script() -> Path:
    """The checkout's script that prints the checksums of a build's current sources."""
    return _CHECKOUT / "scripts" / "sources.sh"


def device_profiles() -> Path:
    """The shipped SoC and phone profiles."""
    return _shipped("device_profiles")


def requirements(name: str) -> Path:
    """A pinned list of packages for a separate Python environment."""
    return _shipped("requirements") / name


def _shipped(name: str) -> Path:
    packed = PACKAGE / "assets" / name
    return packed if packed.is_dir() else _CHECKOUT / name


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ[variable]).expanduser() if os.environ.get(variable) else default
    try:
        return _made(folder)
    except OSError as error:
        raise BadInput(
            f"{_FOLDERS[variable]} {folder} cannot be made: {error.strerror}.",
            hint=f"Set {variable} to a folder that you can write to; it need not exist.",
        ) from None


def advice(file: object) -> str | None:
    """What to do when a file in one of mobilebench's folders cannot be written; None for any other file."""
    if not isinstance(file, str | bytes | os.PathLike):
        return None
    path = Path(os.fsdecode(file)).absolute()
    for variable, default in (("MOBILEBENCH_CACHE", "user_cache_path"), ("MOBILEBENCH_HOME", "user_data_path")):
        folder = os.environ.get(variable) or getattr(platformdirs, default)("mobilebench")
        if path.is_relative_to(Path(folder).expanduser().absolute()):
            return f"Free some space, or set {variable} to a folder that you can write to."
    return None


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
