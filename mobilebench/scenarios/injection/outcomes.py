"""Named outcomes of a foreign page that could not be measured, each with what to do next."""

from __future__ import annotations

from typing import Literal

from mobilebench.core.errors import BlockFailed, Fault

PageOutcome = Literal[
    "never loaded",
    "unreachable",
    "invalid TLS",
    "too many redirects",
    "not a page",
    "http error",
    "scripts blocked",
    "navigated",
    "crashed",
    "dialog",
    "blocked",
    "disconnected",
]
"""What a foreign page did instead of being measured:

`never loaded`: its load event did not come in time · `unreachable`: the browser could not open its address · `invalid
TLS`: its certificate is not valid · `too many redirects` · `not a page`: the address is a download or has no content ·
`http error`: the server answered with an error · `scripts blocked`: the document runs no scripts, not even ours ·
`navigated`: it left its address during the measurement · `crashed`: its process ended · `dialog`: it showed a dialog
during the measurement, which stops its scripts · `blocked`: its main thread did not answer in time · `disconnected`:
the connection to the browser was cut.
"""

NEXT_STEPS: dict[PageOutcome, str] = {
    "never loaded": "Look whether the page loads in a browser of yours; allow it more time with --load-timeout.",
    "unreachable": "Check the address and the network of the device. A browser on this computer uses no proxy.",
    "invalid TLS": "Use a certificate that the device trusts, or serve the page over http from this computer.",
    "too many redirects": "Name the address at which the page ends. A page may also need a login.",
    "not a page": "Name the address of an HTML page.",
    "http error": "Check the address; a page may also refuse browsers without a login or with an empty profile.",
    "scripts blocked": "Name the address of an HTML page: other documents run no scripts.",
    "navigated": "Name the address at which the page stays, or measure for fewer seconds.",
    "crashed": "Try a smaller model, fewer threads or a lower duty; watch the memory of the device.",
    "dialog": "Answer the dialog once in a state of the page that shows none, or measure another address.",
    "blocked": "The page computes without a pause, or an inference takes too long: try --place worker or a lower duty.",
    "disconnected": "Look whether the browser or the phone is still there, and measure again.",
}

_FAULTS: dict[PageOutcome, Fault] = {
    "never loaded": "hang",
    "blocked": "hang",
    "crashed": "crash",
    "disconnected": "cut connection",
    "unreachable": "cut connection",
}


class PageFailed(BlockFailed):
    """A foreign page could not be measured.

    Args:
        outcome: its name.
        message: one sentence that says what happened.
    """

    def __init__(self, outcome: PageOutcome, message: str) -> None:
        super().__init__(message, hint=NEXT_STEPS[outcome], fault=_FAULTS.get(outcome, "page error"))
        self.outcome: PageOutcome = outcome


_BY_NET_ERROR: tuple[tuple[str, PageOutcome], ...] = (
    ("ERR_CERT_", "invalid TLS"),
    ("ERR_SSL_", "invalid TLS"),
    ("ERR_TOO_MANY_REDIRECTS", "too many redirects"),
    ("ERR_ABORTED", "not a page"),
    ("ERR_UNKNOWN_URL_SCHEME", "not a page"),
    ("ERR_HTTP_RESPONSE_CODE_FAILURE", "http error"),
    ("ERR_TIMED_OUT", "never loaded"),
)


def of_net_error(text: str) -> PageOutcome:
    """The outcome that Chrome's network error means, such as `net::ERR_CERT_AUTHORITY_INVALID`."""
    return next((outcome for part, outcome in _BY_NET_ERROR if part in text), "unreachable")
