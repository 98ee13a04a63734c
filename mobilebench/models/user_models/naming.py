"""Names for an added model, its inputs and its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mobilebench.core.errors import BadInput

_NAME = re.compile(r"[a-z0-9_]{1,64}")


def model_name(path: Path, wanted: str | None) -> str:
    """The name for an added model: the wanted one, or one made from the file's name.

    Raises:
        BadInput: the wanted name has other characters than `a-z`, `0-9` and `_`, or the file's name has none of them.
    """
    if wanted is not None:
        if not _NAME.fullmatch(wanted):
            proposal = _plain(wanted)
            raise BadInput(
                f"{wanted!r} cannot be a model's name: use at most 64 of a-z, 0-9 and _.",
                hint=f"For example --name {proposal}." if proposal else None,
            )
        return wanted
    resolved = path.expanduser().absolute()
    generic = resolved.stem.lower() in {"model", "saved_model"} and resolved.parent.name
    name = _plain(resolved.parent.name if generic else resolved.stem if resolved.suffix else resolved.name)
    if not name:
        raise BadInput(f"No name can be made of {path}.", hint="Give one with --name.")
    return name


def free_name(name: str, taken: Iterable[str]) -> str:
    """An unused name similar to this one."""
    others = set(taken)
    number = 2
    while f"{name}_{number}" in others:
        number += 1
    return f"my_{name}" if f"my_{name}" not in others else f"{name}_{number}"


def canonical(names: Sequence[str]) -> list[str]:
    """Plain names for tensors, in the same order and all different: `serving_default_x:0` becomes `x`.

    They are used on command lines and in reports, while a format's own names may hold any characters.
    """
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W+", "_", name.removeprefix("serving_default_").removesuffix(":0"), flags=re.ASCII)
        plain = plain.strip("_")[:64] or "tensor"
        number = 1
        while (plain if number == 1 else f"{plain}_{number}") in found:
            number += 1
        found.append(plain if number == 1 else f"{plain}_{number}")
    return found


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]
