"""What all tests share."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from syrupy.assertion import SnapshotAssertion

pytest.register_assert_rewrite("tests.pinning")

from mobilebench.browsers import builds  # noqa: E402
from mobilebench.core.temporary import own_prefix, remove_left  # noqa: E402
from mobilebench.results.places import Place  # noqa: E402
from mobilebench.virtual import owner  # noqa: E402
from tests.pinning import Pinned  # noqa: E402
from tests.postgresql import Server  # noqa: E402

Declare = Callable[[Sequence[str]], tuple[str, ...]]

# How busy the machine is decides nothing, and each run tries the same examples; `make fuzz` tries others.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=1000)
settings.load_profile("same")


for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "MOBILEBENCH_STORE"):
    os.environ.pop(name, None)  # what is printed does not depend on who runs the tests
os.environ["MOBILEBENCH_LOCKS"] = secrets.token_hex(8)  # this process's own: tests run beside each other
owner.own()  # virtual phones end with this process, however it ends

remove_left("mobilebench-homes-")
HOMES = Path(tempfile.mkdtemp(prefix=own_prefix("mobilebench-homes-")))
"""Home folders of this process's tests; it is removed at the end, or by the next tests if this process is killed."""


@atexit.register
def _remove_homes(owner: int = os.getpid()) -> None:
    if os.getpid() == owner:  # a forked process removes nothing
        shutil.rmtree(HOMES, ignore_errors=True)


os.environ["MOBILEBENCH_HOME"] = SHARED = str(HOMES / "shared")
"""The home of fixtures that several tests share and that choose none."""


@pytest.fixture(autouse=True)
def own_home() -> Iterator[None]:
    """Each test has a home of its own, unless one was chosen for it, so that none reads or changes the user's."""
    if os.environ.get("MOBILEBENCH_HOME") != SHARED:
        yield
        return
    os.environ["MOBILEBENCH_HOME"] = str(HOMES / secrets.token_hex(4))
    try:
        yield
    finally:
        os.environ["MOBILEBENCH_HOME"] = SHARED


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every temporary file of the test lies in this empty folder; its path is short: a browser's socket is below it."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def pinned(snapshot: SnapshotAssertion, request: pytest.FixtureRequest, tmp_path: Path) -> Pinned:
    """Compares a sentence with the one in the snapshot file of the test's module."""
    volatile = {
        str(tmp_path): "TMP",
        str(tmp_path.parent): "TMP",
        str(request.config.rootpath): "REPOSITORY",
        str(Path.home()): "HOME",
    }
    return Pinned(snapshot, volatile)


@pytest.fixture(scope="module")
def closed_pages() -> Iterator[None]:
    """Nothing of the pages' server is left behind when the module's tests have ended."""
    from mobilebench.engines import web

    yield
    web.close()


@pytest.fixture
def declare() -> Iterator[Declare]:
    """Declares further browser builds until the test ends, as `--browser-path` does; returns their names."""
    with ExitStack() as stack:
        yield lambda texts: stack.enter_context(builds.using(texts))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server; tests that use it have the marker `database`."""
    from mobilebench.results.store import Store

    running = Server()
    try:
        with Store.open(Place(running.create(), running.folder)) as store:
            name = store.name.partition("@/")[2].partition("?")[0]
        running.execute(f"ALTER DATABASE {name} RENAME TO empty_store")
        yield running
    finally:
        running.remove()


@pytest.fixture
def on_server(server: Server, tmp_path: Path) -> Place:
    """Where an empty store is in PostgreSQL."""
    return Place(server.create("empty_store"), tmp_path)
