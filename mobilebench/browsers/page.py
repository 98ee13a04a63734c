"""What a driven page can do, whatever protocol its browser speaks."""

from __future__ import annotations

from typing import Any, Literal, Protocol

Capability = Literal["stop scripts", "clear origin", "shape link", "processes", "trace"]
"""What only some browsers can be asked for:

`stop scripts`: interrupt what the page computes · `clear origin`: remove everything kept for one origin · `shape link`:
slow its network down · `processes`: which processes the browser has, and their CPU time · `trace`: record what the
browser does for the page.
"""


class Page(Protocol):
    """One tab.

    Every method raises `BlockFailed` when the page crashes, the connection is cut, the answer is not understood, does
    not come in time, or the cancel event is set (then within a second).
    """

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    def open(self, url: str, *, timeout: float = 60.0) -> None:
        """Load `url` and wait until its scripts have run."""
        ...

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page") -> Any:
        """The value of a JavaScript expression; a promise is awaited. `what` names the page in a failure.

        Raises:
            BlockFailed: also when the expression throws; the message is then the exception's.
        """
        ...

    def tell_cores(self, count: int) -> None:
        """Let pages that are opened from now on read `count` as `navigator.hardwareConcurrency`."""
        ...

    def stop_scripts(self) -> None:
        """Interrupt whatever the page is computing, where the browser can; not waited for."""
        ...

    def clear_origin(self, origin: str) -> None:
        """Remove everything that the browser keeps for this origin, and for no other; needs `clear origin`."""
        ...

    def trace_end(self, *, timeout: float) -> dict[str, Any]:
        """What the browser says of its trace when it has ended, unchecked; needs `trace`."""
        ...

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        """Send one command of the browser's own protocol, and wait for its result."""
        ...
