"""The words of `--serial`: `all`, `host`, serials, and phones by what the rack file or they themselves say of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import identity
from mobilebench.targets.rack import Rack, RackPhone

_WORD = re.compile(r'(?:[^,"]|"[^"]*"?)+')


@dataclass(frozen=True)
class Selector:
    """Names phones by a property, such as `label:fast`."""

    kind: str
    """A key of `_VALUES`."""
    value: str

    def matches(self, info: TargetInfo, rack: Rack) -> bool:
        wanted = self.value.casefold()
        return any(value.casefold() == wanted for value in _VALUES[self.kind](info, rack))


def words(text: str) -> list[str]:
    """The words between the commas, each once; a part in double quotes may hold commas."""
    found = (match[0].strip().replace('"', "") for match in _WORD.finditer(text))
    return list(dict.fromkeys(word.strip() for word in found if word.strip()))


def parse(word: str) -> Selector | None:
    """The selector that a word is; None if it is `all`, `host` or a serial.

    Raises:
        BadInput: it has no value.
    """
    kind, colon, value = word.partition(":")
    if not colon or kind not in _VALUES:
        return None
    if not value.strip():
        raise BadInput(f"“{word}” names no {kind}.", hint=f"Write it after the colon, as in {kind}:{_EXAMPLES[kind]}.")
    return Selector(kind, value.strip())


def matching(selector: Selector, phones: Sequence[TargetInfo], rack: Rack) -> list[TargetInfo]:
    """The phones that a selector names, each once, although it may be attached twice.

    Raises:
        BadInput: there is none; the hint lists what there is.
    """
    found = {info.id: info for info in phones if selector.matches(info, rack)}
    if found:
        return [info for info in found.values() if info.state.removeprefix(identity.SAME_PHONE) not in found]
    here = Counter(value for info in phones for value in dict.fromkeys(_VALUES[selector.kind](info, rack)))
    listed = ", ".join(f"{_quoted(value)} ({_phones(count)})" for value, count in sorted(here.items()))
    hint = f"Attached phones have these: {listed}." if listed else _why_none(selector.kind, phones)
    raise BadInput(f"{_nothing(selector, rack, phones)}.", hint=f"{hint} `mobilebench devices` shows more.")


def serials_in_file(selector: Selector, rack: Rack) -> set[str]:
    """The serials of the phones that a selector names by the rack file alone, attached or not."""
    return {one.serial for one in rack.phones if _is_so_in_the_file(selector, one)}


def available(phones: Iterable[TargetInfo], rack: Rack) -> list[str]:
    """Every selector that names at least one of these phones, for completion."""
    found = {
        f"{kind}:{value}"
        for info in phones
        for kind, values in _VALUES.items()
        for value in values(info, rack)
        if value
    }
    return sorted(found)


def _labels(info: TargetInfo, rack: Rack) -> list[str]:
    entry = rack.entry(info)
    return list(entry.labels) if entry else []


def _name(info: TargetInfo, rack: Rack) -> list[str]:
    entry = rack.entry(info)
    return [entry.name] if entry and entry.name else []


def _group(info: TargetInfo, rack: Rack) -> list[str]:
    entry = rack.entry(info)
    return [entry.group] if entry and entry.group else []


def _soc(info: TargetInfo, _rack: Rack) -> list[str]:
    """The profile's id, and the chip's name; of a virtual phone, those of the chip that it imitates."""
    if info.state != "device":
        return []
    name = info.profile_soc if info.virtual else info.soc
    return list(filter(None, (info.profile, name)))


def _model(info: TargetInfo, _rack: Rack) -> list[str]:
    return [info.name] if info.state == "device" else []


_VALUES: Mapping[str, Callable[[TargetInfo, Rack], list[str]]] = {
    "name": _name,
    "label": _labels,
    "group": _group,
    "soc": _soc,
    "model": _model,
}
"""Kind of selector to the values that a phone has of it."""

_EXAMPLES = {"name": "left", "label": "fast", "group": "a", "soc": "snapdragon-8-gen-3", "model": '"Pixel 8"'}


def _nothing(selector: Selector, rack: Rack, phones: Sequence[TargetInfo]) -> str:
    """A sentence on a selector that names no attached phone; phones of the rack file that are away are named."""
    attached = {entry.serial for entry in map(rack.entry, phones) if entry}
    away = [one.serial for one in rack.phones if one.serial not in attached and _is_so_in_the_file(selector, one)]
    listed = f" (the rack file lists {', '.join(away[:5])}, which {'is' if len(away) == 1 else 'are'} away)"
    return f"No attached phone has the {selector.kind} {_quoted(selector.value)}{listed if away else ''}"


def _is_so_in_the_file(selector: Selector, phone: RackPhone) -> bool:
    words = {"name": [phone.name], "group": [phone.group], "label": phone.labels}.get(selector.kind, ())
    return any(word is not None and word.casefold() == selector.value.casefold() for word in words)


def _why_none(kind: str, phones: Sequence[TargetInfo]) -> str:
    if not phones:
        return "No phone is attached."
    if kind in ("soc", "model"):
        return "No attached phone is ready, so none says what it is."
    return f"No attached phone has a {kind} in the rack file."


def _quoted(value: str) -> str:
    return f"“{value}”" if " " in value else value


def _phones(count: int) -> str:
    return "1 phone" if count == 1 else f"{count} phones"
