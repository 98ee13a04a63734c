"""Which phones of a rack a person means."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.core.errors import BadInput
from mobilebench.rack.messages import RackPhoneInfo
from mobilebench.targets import ALL, selection
from mobilebench.targets.rack import Rack, RackPhone


def chosen(text: str, phones: Sequence[RackPhoneInfo]) -> list[RackPhoneInfo]:
    """The phones that words name: `all`, a serial, `SERIAL@HOST`, `HOST/SERIAL`, `host:…`, or a selector of
    `run --serial`.

    Raises:
        BadInput: a word names no phone.
    """
    found: dict[tuple[str, str], RackPhoneInfo] = {}
    for word in selection.words(text):
        matching = [phone for phone in phones if _is_meant(word, phone)]
        if not matching:
            raise BadInput(
                f"The rack has no phone “{word}”.", hint="`mobilebench rack list` shows the phones with their labels."
            )
        found |= {(phone.host, phone.target.id): phone for phone in matching}
    if not found:
        raise BadInput("No phone is named.", hint="Name one as `mobilebench rack list` shows it, or `all`.")
    return list(found.values())


def _is_meant(word: str, phone: RackPhoneInfo) -> bool:
    serial, host = phone.target.id, phone.host
    if word in (ALL, serial, f"{serial}@{host}", f"{host}/{serial}", f"host:{host}"):
        return True
    selector = selection.parse(word)
    if selector is None:
        return False
    entry = RackPhone(serial=phone.target.id, name=phone.name, labels=phone.labels, group=phone.group)
    return selector.matches(phone.target, Rack(phones=(entry,)))
