"""The failures of a page that is measured: each has a name and a next step, in scenarios and in injection alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from mobilebench.core.errors import BlockFailed, Fault, MobilebenchError, Unsupported

Outcome = Literal[
    "unreachable",
    "invalid TLS",
    "too many redirects",
    "not a page",
    "never loaded",
    "error page",
    "redirected",
    "scripts blocked",
    "left",
    "crashed",
    "disconnected",
    "background",
    "dialog",
    "no answer",
    "page error",
    "undecodable",
    "no video",
    "off screen",
    "no camera",
    "no benchmark",
]
"""What a page did instead of being measured:

`unreachable`: the browser could not open its address · `invalid TLS`: its certificate is not valid · `too many
redirects` · `not a page`: the address is a download or has no content · `never loaded`: it did not load in time ·
`error page`: the server answered with an error · `redirected`: another page answered · `scripts blocked`: the document
runs no scripts, not even ours · `left`: it was replaced by another one while it was measured · `crashed`: its process
ended · `disconnected`: the connection to the browser was cut · `background`: it was hidden · `dialog`: it showed a
dialog, which stops its scripts · `no answer`: an input or a question was not answered in time · `page error`: it threw
an exception, or answered something that is no measurement · `undecodable`: the browser cannot decode the clip · `no
video`: the video did not play · `off screen`: the video was outside of the window · `no camera`: the browser gave the
page no camera · `no benchmark`: it is not the benchmark that was named.
"""

NEXT_STEPS: Mapping[Outcome, str] = {
    "unreachable": "Check the address and the network of the device. A browser on this computer uses no proxy.",
    "invalid TLS": "Use a certificate that the device trusts, or serve the page over http from this computer.",
    "too many redirects": "Name the address at which the page ends. A page may also need a login.",
    "not a page": "Name the address of an HTML page.",
    "never loaded": "Look whether the page loads in a browser of yours. `inject` waits longer with --load-timeout.",
    "error page": "Check the address; a page may also refuse browsers without a login or with an empty profile.",
    "redirected": "Measure the address that answered, if it is the page that you mean.",
    "scripts blocked": "Name the address of an HTML page: other documents run no scripts.",
    "left": "Name the address at which the page stays, or measure for fewer seconds.",
    "crashed": "Watch the memory of the device. If a model infers, try a smaller one, fewer threads or a lower duty.",
    "disconnected": "Look whether the browser or the phone is still there, and measure again.",
    "background": "Leave its window and its tab in front until the measurement has ended.",
    "dialog": "Measure a page that asks nothing, or answer it once in a profile of your own.",
    "no answer": "The page computes without a pause, or an inference is too long: try --place worker or a lower duty.",
    "page error": "Look at the page in a browser of yours.",
    "undecodable": "Try VP9 or VP8 in a .webm file, which Chrome and Firefox decode everywhere.",
    "no video": "Look whether the video plays in a browser of yours.",
    "off screen": "Keep the whole video in the window while it is measured.",
    "no camera": "Try the camera on another page in this browser.",
    "no benchmark": "Name the address of Speedometer's start page, as https://…/Speedometer3.1/.",
}

_FAULTS: Mapping[Outcome, Fault] = {
    "unreachable": "cut connection",
    "never loaded": "hang",
    "crashed": "crash",
    "disconnected": "cut connection",
    "no answer": "hang",
}

_BY_NET_ERROR: tuple[tuple[str, Outcome], ...] = (
    ("ERR_CERT_", "invalid TLS"),
    ("ERR_SSL_", "invalid TLS"),
    ("ERR_TOO_MANY_REDIRECTS", "too many redirects"),
    ("ERR_ABORTED", "not a page"),
    ("ERR_UNKNOWN_URL_SCHEME", "not a page"),
    ("ERR_HTTP_RESPONSE_CODE_FAILURE", "error page"),
    ("ERR_INVALID_AUTH_CREDENTIALS", "error page"),
    ("ERR_TIMED_OUT", "never loaded"),
    ("MODULE_SECURITY", "invalid TLS"),
    ("NS_ERROR_REDIRECT_LOOP", "too many redirects"),
    ("NS_BINDING_ABORTED", "not a page"),
    ("NS_ERROR_UNKNOWN_PROTOCOL", "not a page"),
    ("NS_ERROR_NET_TIMEOUT", "never loaded"),
)
"""Part of the error of Chrome (`ERR_`) or Firefox to the outcome that it means."""


def of_net_error(text: str) -> Outcome:
    """The outcome that a browser's network error means, such as Chrome's `net::ERR_CERT_AUTHORITY_INVALID` or Firefox's
    `NS_ERROR_REDIRECT_LOOP`.
    """
    return next((outcome for part, outcome in _BY_NET_ERROR if part in text), "unreachable")


class ScenarioFailed(BlockFailed):
    """A page could not be measured, for a reason that has a name.

    Args:
        outcome: the name of the failure.
        message: one sentence that says what happened.
        hint: the next step; None: that of the outcome.
        fault: what broke; None: that of the outcome, if it has one.
    """

    def __init__(self, outcome: Outcome, message: str, *, hint: str | None = None, fault: Fault | None = None) -> None:
        super().__init__(message, hint=hint or NEXT_STEPS[outcome], fault=fault or _FAULTS.get(outcome))
        self.outcome: Outcome = outcome


@contextmanager
def name_kept() -> Iterator[None]:
    """Around the context of a browser, which explains failures by what its log and the system say: the explained
    failure has the page's name again. A page that did not answer because its process had ended has `crashed`.
    """
    try:
        yield
    except ScenarioFailed:
        raise
    except BlockFailed as error:
        earlier = _before(error)
        if earlier is None or error.fault not in ("crash", "killed for memory"):
            raise
        outcome: Outcome = "disconnected" if earlier.outcome == "disconnected" else "crashed"
        raise ScenarioFailed(outcome, error.message, hint=error.hint, fault=error.fault) from error


def _before(error: BaseException) -> ScenarioFailed | None:
    """The failure of a page that this one explains."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, ScenarioFailed):
        cause = cause.__cause__
    return cause


def outcome_name(error: MobilebenchError) -> str:
    """The name under which a measurement of a page ended: its outcome, `unsupported`, its fault, or `failed`."""
    if isinstance(error, ScenarioFailed):
        return error.outcome
    if isinstance(error, Unsupported):
        return "unsupported"
    return (error.fault if isinstance(error, BlockFailed) else None) or "failed"
