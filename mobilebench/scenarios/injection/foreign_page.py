"""The interface of a page that is not ours, which is the same for all browser protocols; `opening` opens one.

Scripts run in a world of their own: they share the page's thread and document, and none of its globals. Whatever was
switched on in the browser is switched off on leaving.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from mobilebench.browsers.page import Page
from mobilebench.browsers.websocket_rpc import Exchange
from mobilebench.core.errors import BlockFailed
from mobilebench.scenarios import navigation
from mobilebench.scenarios.base import Outcome, ScenarioFailed

LOAD_SECONDS = 30.0
CALL_SECONDS = 15.0
CLOSE_SECONDS = 5.0
LONGEST = 500
"""Length to which texts of a page are cut; addresses may have four times as much."""
WORLD = "mobilebench"
ISOLATING = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "credentialless",
    "cross-origin-resource-policy": "cross-origin",
}
"""The headers that isolate a document. The last one lets it be a frame of an isolated page."""
REDIRECTS = range(300, 400)
_NAVIGATION_NOTICE_SECONDS = 0.5
_MOST_NOTED = 100
_FACTS = """({url: location.href, title: document.title, isolated: crossOriginIsolated,
    secure: isSecureContext, frames: frames.length, worker: Boolean(navigator.serviceWorker?.controller)})"""


@dataclass(frozen=True)
class Opened:
    """What the browser reports about the page that it opened."""

    asked: str
    """The address that was asked for."""
    url: str
    """The address at which the page is."""
    title: str
    http_status: int | None
    """None for a page that did not come by http."""
    isolated: bool
    secure: bool
    frames: int
    """Number of frames inside the page."""
    frames_elsewhere: int
    """Number of frames, at any depth, that have processes of their own; see `ForeignPage.frames_elsewhere`."""
    frames_failed: int
    """Number of frames that show an error in place of their page; see `ForeignPage.frames_failed`."""
    redirected: bool
    """Whether another document answered than the one that was asked for."""
    service_worker: bool
    """Whether a service worker controls the page."""
    dialogs: tuple[str, ...]
    """Dialogs that were closed while it loaded."""


class Watch(Protocol):
    """What the browser reports about a foreign page besides answers."""

    loaded: bool
    """Whether the document that is shown now had its load event."""
    dialogs: list[str]
    """Kind and text of every dialog; each was closed at once."""
    addresses: list[str]
    """Every document that the main frame showed."""


class World(Protocol):
    """Scripts beside the page's own, on the same thread."""

    def evaluate(self, expression: str, *, timeout: float = CALL_SECONDS) -> Any:
        """Evaluate an expression, awaiting a promise.

        Raises:
            ScenarioFailed: the page went away, or its main thread was busy for `timeout` seconds.
            BlockFailed: the expression threw.
        """
        ...

    def call_function(self, declaration: str, *arguments: Any, timeout: float = CALL_SECONDS) -> Any:
        """Call a function with JSON arguments; see `evaluate`."""
        ...


class ForeignPage(ABC):
    """A tab with a page that is not ours."""

    def __init__(self, watch: Watch, exchange: Exchange) -> None:
        self._watch = watch
        self._exchange = exchange
        self._opened = False

    @property
    @abstractmethod
    def page(self) -> Page:
        """The tab as any other page: for input, and for scripts among the page's own globals."""

    @property
    def dialogs(self) -> list[str]:
        """Every dialog so far; each was closed at once."""
        return self._watch.dialogs

    def open(self, url: str, *, isolate: bool = False, timeout: float = LOAD_SECONDS) -> Opened:
        """Open any address with its content policy lifted; wait for its load event.

        Args:
            url: the address.
            isolate: answer its documents with the headers that isolate it, which gives it WebAssembly threads.
            timeout: seconds for everything to load.

        Raises:
            ScenarioFailed: it could not be opened; the outcome says why.
        """
        self._opened = False
        self.dialogs.clear()
        with self._named("never loaded"):
            deadline = time.monotonic() + timeout
            self._navigate(url, isolate=isolate, timeout=timeout)
            opened = self._loaded(url, deadline, f"{url} was not loaded within {timeout:g} s.")
        del self._watch.addresses[:-1]
        self._opened = True
        if opened.http_status is not None and opened.http_status >= 400:
            raise ScenarioFailed("error page", f"The server answered {opened.http_status} to {url}.")
        return opened

    @abstractmethod
    def _navigate(self, url: str, *, isolate: bool, timeout: float) -> None:
        """Lift the content policy and go to the address; its load event may come later."""

    @abstractmethod
    def world(self, name: str = WORLD, *, frame: str | None = None) -> World:
        """A new world for scripts in the page.

        Args:
            name: how the browser's tools show it.
            frame: a part of the address of a frame inside the page; None: the page itself.

        Raises:
            Unsupported: the page has no such frame.
            ScenarioFailed: the page runs no scripts.
        """

    @abstractmethod
    def frames_elsewhere(self) -> int:
        """How many frames inside the page have processes of their own, because they are of other sites.

        What runs in the page does not run on their threads, and its frame times say nothing about them.
        """

    def frames_failed(self) -> int:
        """How many frames inside the page show an error of the browser; 0 where it does not report that."""
        return 0

    def wait(self, seconds: float) -> None:
        """Let the page run; ends early with a failure if it crashes, navigates or shows a dialog."""
        with self._named("no answer"):
            self._exchange.listen(self._has_left, seconds)
        self.check()

    def check(self) -> None:
        """Raises `ScenarioFailed` if the page left its address since it was opened."""
        if self._has_left():
            raise ScenarioFailed("left", f"The page left its address for {self._watch.addresses[-1][:LONGEST]}.")

    def call(
        self, method: str, params: dict[str, Any] | None = None, *, timeout: float = CALL_SECONDS
    ) -> dict[str, Any]:
        """Send one command of the browser's own protocol."""
        with self._named("no answer"):
            return self.page.call(method, params, timeout=timeout)

    @abstractmethod
    def close(self) -> None:
        """Switch off everything that `open` switched on."""

    def _loaded(self, url: str, deadline: float, late: str) -> Opened:
        """Wait for the load event. A page may go on to another address at once, by a script."""
        while True:
            self._exchange.listen(self._has_loaded, deadline - time.monotonic(), late)
            try:
                return self._facts(url)
            except BlockFailed as error:
                if not says_gone(error.message) or time.monotonic() >= deadline:
                    raise

    def _has_loaded(self) -> bool:
        """Whether the load event came. Raises `ScenarioFailed` if it will not come."""
        return self._watch.loaded

    def _facts(self, asked: str) -> Opened:
        world = self.world()
        found = world.evaluate(_FACTS)
        answered = navigation.answer(world.evaluate(navigation.question(asked)))
        if not isinstance(found, dict) or answered is None:
            raise ScenarioFailed("scripts blocked", f"{asked} runs no scripts.")
        return Opened(
            asked=asked,
            url=str(found.get("url"))[: 4 * LONGEST],
            title=str(found.get("title"))[:LONGEST],
            http_status=answered.status if answered.status > 0 else None,
            isolated=found.get("isolated") is True,
            secure=found.get("secure") is True,
            frames=found["frames"] if isinstance(found.get("frames"), int) else 0,
            frames_elsewhere=self.frames_elsewhere(),
            frames_failed=self.frames_failed(),
            redirected=answered.redirected,
            service_worker=found.get("worker") is True,
            dialogs=tuple(self._watch.dialogs),
        )

    def _has_left(self) -> bool:
        return self._opened and len(self._watch.addresses) > 1

    @contextmanager
    def _named(self, late: Outcome) -> Iterator[None]:
        """Name the failures of the browser's connection; one by lateness becomes the outcome `late`."""
        try:
            yield
        except ScenarioFailed:
            raise
        except BlockFailed as error:
            if error.fault in ("crash", "killed for memory"):
                self._look_for_navigation()
                raise ScenarioFailed("crashed", error.message) from error
            if error.fault == "hang":
                raise ScenarioFailed(late, error.message) from error
            if error.fault == "cut connection":
                raise ScenarioFailed("disconnected", error.message) from error
            if says_gone(error.message):
                self._look_for_navigation()
            raise

    def _look_for_navigation(self) -> None:
        """Raises `ScenarioFailed` if the page was left: its event may come shortly after the failure of a command."""
        if self._opened:
            with suppress(BlockFailed):
                self._exchange.listen(self._has_left, _NAVIGATION_NOTICE_SECONDS)
            self.check()


def says_gone(message: str) -> bool:
    """Whether a refusal of the browser says that the document, in which a script ran, is gone."""
    return any(part in message for part in ("context", "navigated", "No frame", "destroyed", "realm"))


def note(notes: list[str], text: str) -> None:
    """Append a text, unless there are very many already."""
    if len(notes) < _MOST_NOTED:
        notes.append(text)
