"""Which document answered an address: whether it is the one that was asked for, and with which status."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

_ASK = """((asked) => {
  const plain = (address) => Object.assign(new URL(address), { hash: '', username: '', password: '' }).href;
  const found = performance.getEntriesByType('navigation')[0];
  return JSON.stringify([plain(found?.name || location.href), plain(asked), found?.responseStatus || 0]);
})(ASKED)"""
_LONGEST = 2000


@dataclass(frozen=True)
class Answered:
    """The document that is open."""

    address: str
    """The address from which it came, without fragment, user and password. A page that shows another one since then, by
    its history, is still this document.
    """
    asked: str
    """The address that was asked for, written as the browser writes addresses."""
    status: int
    """Of the response; 0 if there is none, or the browser does not say it."""

    @property
    def redirected(self) -> bool:
        return self.address != self.asked


def question(address: str) -> str:
    """The expression whose value `answer` reads, to be evaluated apart from the page's globals."""
    return _ASK.replace("ASKED", json.dumps(address))


def answer(value: object) -> Answered | None:
    """The document that a value of `question` names; None if it names none."""
    with suppress(ValueError):
        match json.loads(value) if isinstance(value, str) else None:
            case [str(address), str(asked), int(status)]:
                return Answered(address[:_LONGEST], asked[:_LONGEST], status)
    return None
