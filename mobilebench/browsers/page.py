"""The interface of a driven page, which is the same for all browser protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from mobilebench.core.axes import LINKS, NO_LINK
from mobilebench.core.errors import BlockFailed, Unsupported

Capability = Literal["stop scripts", "clear origin", "shape link", "processes", "trace"]
"""Features that only some browsers support:

`stop scripts`: interrupt the page's scripts · `clear origin`: remove all data stored for one origin · `shape link`:
limit its network · `processes`: list the browser's processes and their CPU time · `trace`: record the browser's work
for the page.
"""


_DIALOGS = ("alert", "confirm", "prompt", "beforeunload")


class Page(Protocol):
    """One browser tab.

    Every method raises `BlockFailed` if the page crashes, the connection is cut, the answer is invalid or late, or the
    cancel event is set (then within a second).
    """

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    def open(self, url: str, *, timeout: float = 60.0) -> None:
        """Load `url` and wait until its scripts have run.

        Raises:
            PageNotOpened: the browser could not open it.
        """
        ...

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        """Evaluate a JavaScript expression, awaiting a promise.

        Args:
            expression: the expression.
            timeout: seconds for its value.
            what: names the page in a failure's message.
            apart: evaluate it among globals of its own, which live as long as the document. They are made by the
                browser, so whatever the page replaced, froze or hid among its globals is as usual there. Thread and
                document are the page's.

        Raises:
            BlockFailed: also if the expression throws; the message is then the exception's.
        """
        ...

    def tell_cores(self, count: int) -> None:
        """Make pages opened from now on read `count` as `navigator.hardwareConcurrency`."""
        ...

    def stop_scripts(self) -> None:
        """Interrupt the page's running scripts if the browser can; does not wait for the effect."""
        ...

    def clear_origin(self, origin: str) -> None:
        """Remove all data that the browser stores for this origin only; needs `clear origin`."""
        ...

    def trace_end(self, *, timeout: float) -> dict[str, Any]:
        """Wait until the trace has ended; return the browser's report on it, unchecked; needs `trace`."""
        ...

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        """Send one command of the browser's own protocol and wait for its result."""
        ...


class PageNotOpened(BlockFailed):
    """The browser could not open an address; the message has the browser's own reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The browser could not open the page: {reason}", fault="cut connection")


class PageDialog(BlockFailed):
    """The page shows a dialog (`alert`, `confirm`, `prompt`, `beforeunload`): its scripts wait until it is answered."""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> PageDialog:
        """The failure for the browser's event about a dialog."""
        kind = params.get("type")
        kind = kind if kind in _DIALOGS else "dialog"
        text = " ".join(str(params.get("message") or "").split())[:200]
        said = f": “{text}”" if text else ""
        return cls(f"The page shows a dialog ({kind}){said}.", fault="page error")


def imitate_network(page: Page, name: str) -> None:
    """Emulate this network for all further requests of the page.

    Raises:
        Unsupported: its browser cannot emulate networks.
    """
    if name == NO_LINK:
        return
    if "shape link" not in page.capabilities:
        raise Unsupported(f"This browser cannot emulate the network {name}: only Chrome can.")
    link = LINKS[name]
    page.call("Network.enable")
    page.call(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": link.round_trip_ms,
            "downloadThroughput": link.down_kbit_s * 1000 / 8,
            "uploadThroughput": link.up_kbit_s * 1000 / 8,
        },
    )
