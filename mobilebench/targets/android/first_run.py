"""First-run screens that a browser shows before its first page, and the answer to each.

Flags suppress these screens if the browser reads them. Remaining screens are answered with the least that lets the
browser go on: no account, no synchronisation, no notifications.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mobilebench.core.errors import BlockFailed


@dataclass(frozen=True)
class DialogButton:
    """A button to press, identified by the last part of its resource id."""

    button: str
    says: str
    """Its label in English; phones show it in their own language."""
    to: str


ANSWERS = (
    DialogButton("signin_fre_dismiss_button", "Use without an account", "sign in, Chrome since 93"),
    DialogButton("terms_accept", "Accept & continue", "terms of service, older Chromes"),
    DialogButton("next_button", "Next", "data saver, Chrome before 100"),
    DialogButton("negative_button", "No thanks", "synchronisation, notifications, default browser"),
    DialogButton("button_secondary", "No thanks", "synchronisation of history, search engine"),
    DialogButton("no_button", "No thanks", "topics for advertisements"),
    DialogButton("more_button", "More", "privacy of advertisements, whose other buttons are further down"),
    DialogButton("ack_button", "Got it", "privacy of advertisements"),
    DialogButton("help_intro_legal_agree_button", "Agree", "terms of service, Samsung Internet"),
    DialogButton("permission_deny_button", "Don't allow", "a permission, asked by Android"),
    DialogButton("permission_deny_and_dont_ask_again_button", "Don't allow", "a permission, asked by Android again"),
)
BUTTONS = rf".*:id/({'|'.join(answer.button for answer in ANSWERS)})"
"""Regular expression that matches the resource ids of all buttons."""

_ASKING = re.compile(
    r"first_?run|\.fre\.|signin|welcome|intro|onboarding|privacysandbox|notification_?permission|grantpermissions", re.I
)
_DIALOGS = re.compile(r"^(com\.google\.)?(com\.)?android\.(permissioncontroller|packageinstaller)/")
_SETTLE_SECONDS = 0.5
_PATIENCE_SECONDS = 20.0
_MOST = 20
_LONGEST = 60


class Screen(Protocol):
    """A phone's screen that can be touched; see `automation.Automation`."""

    def press(self, buttons: str) -> str | None:
        """Press the first button whose resource id matches; return its text, or None if there is none."""
        ...


def asks(component: str, package: str) -> bool:
    """Whether a first-run screen or permission dialog blocks this browser."""
    owner, _, activity = component.partition("/")
    if _DIALOGS.match(component):
        return "GrantPermissions" in activity
    return owner == package and _ASKING.search(activity) is not None


def answer(screen: Screen, front: Callable[[], str], package: str, subject: str) -> list[str]:
    """Answer all first-run screens; return what was answered, for the proof.

    Raises:
        BlockFailed: a screen is not known here, or does not go away.
    """
    answered: list[str] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while asks(component := front(), package):
        said = screen.press(BUTTONS)
        if said is not None:
            shown = "".join(letter for letter in said if letter.isprintable())[:_LONGEST]
            answered.append(f"first-run screen {component.rpartition('.')[2]} was answered with “{shown}”")
            deadline = time.monotonic() + _PATIENCE_SECONDS
        if len(answered) > _MOST or time.monotonic() > deadline:
            raise BlockFailed(
                f"{subject} shows a first-run screen that could not be dismissed ({component}).",
                hint="Unlock the phone, open the browser by hand, answer what it asks, and run again.",
            )
        time.sleep(_SETTLE_SECONDS)
    return answered
