"""Finds the source of a model's pretrained weights: the user's list `<home>/weights.yaml`, or else the registry.

A model of the zoo is built from seeded weights unless a source is given here and its weights were fetched
(`models.weights.fetch`). The list maps model names to URL, sha256 and licence:
`mobilenet_v2: {url: https://example.org/m.safetensors, sha256: …, licence: Apache-2.0}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.errors import BadInput, first_problem
from mobilebench.models import registry
from mobilebench.models.spec import Pretrained

_LARGEST = 1_000_000
_HINT = "The section “Pretrained weights” of docs/models.md describes this file."


def named(model: str) -> Pretrained | None:
    """The source of a model's weights, fetched or not; the user's list takes precedence.

    Raises:
        BadInput: there is no such model, or the user's list is not valid.
    """
    shipped = registry.get(model).pretrained
    return read().get(model) or shipped


def file() -> Path:
    """The path of the list, which need not exist."""
    return paths.home() / "weights.yaml"


def read() -> dict[str, Pretrained]:
    """Model name to weights, from the user's list; empty without a list.

    Raises:
        BadInput: the list cannot be read, is no YAML, names an unknown model or holds something that is not valid;
            the message names file, line and key.
    """
    try:
        if file().stat().st_size > _LARGEST:
            raise BadInput(f"{file()} is too large for a list of weights (at most {_LARGEST // 1000} kB).", hint=_HINT)
        text = file().read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise BadInput(f"{file()} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise BadInput(f"{file()} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
    return _parse(text)


def put(model: str, weights: Pretrained) -> None:
    """Set a model's weights in the user's list; other entries and comments are kept.

    Raises:
        BadInput: the existing list is not valid.
    """
    with _being_changed():
        _change(read(), model, weights)


def remove(model: str) -> bool:
    """Remove a model from the user's list; returns False if it was not in it.

    Raises:
        BadInput: the list is not valid.
    """
    with _being_changed():
        named = read()
        if model not in named:
            return False
        _change(named, model, None)
        return True


def _parse(text: str) -> dict[str, Pretrained]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _mistake(error.problem_mark, f"this is not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{file()} is not YAML: {' '.join(str(error).split())}.", hint=_HINT) from error
    if root is None:
        return {}
    return {
        model: _entry(model, node)
        for model, node in _pairs(root, "the list must map model names to url, sha256 and licence")
    }


def _entry(model: str, node: yaml.Node) -> Pretrained:
    try:
        registry.get(model)
    except BadInput as error:
        raise _mistake(node.start_mark, f"there is no model {model!r} (`mobilebench models list` shows all)") from error
    values = {}
    for key, value in _pairs(node, f"`{model}` must have url, sha256 and licence"):
        if not isinstance(value, yaml.ScalarNode):
            raise _mistake(value.start_mark, f"`{model}.{key}` must be a single value")
        values[key] = value.value
    try:
        return Pretrained.model_validate(values)
    except ValidationError as error:
        first = first_problem(error)
        key = str(first.path[0])
        mark = next((name.start_mark for name, _ in _nodes(node) if name.value == key), node.start_mark)
        raise _mistake(mark, f"`{model}.{key}`: {first.text}") from error


def _pairs(node: yaml.Node, otherwise: str) -> Iterator[tuple[str, yaml.Node]]:
    """The keys of a mapping with their nodes; refuses duplicates."""
    if not isinstance(node, yaml.MappingNode):
        raise _mistake(node.start_mark, otherwise)
    seen: set[str] = set()
    for name, value in _nodes(node):
        if not isinstance(name, yaml.ScalarNode):
            raise _mistake(name.start_mark, otherwise)
        if name.value in seen:
            raise _mistake(name.start_mark, f"the key `{name.value}` appears twice")
        seen.add(name.value)
        yield name.value, value


def _nodes(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    return pairs


def _mistake(mark: yaml.Mark | None, problem: str) -> BadInput:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return BadInput(f"{file()}, line {line}, column {column}: {problem}.", hint=_HINT)


@contextmanager
def _being_changed() -> Iterator[None]:
    with file_locks.exclusive(file().with_suffix(".lock")):
        yield


def _change(named: dict[str, Pretrained], model: str, weights: Pretrained | None) -> None:
    wanted = {**{name: one for name, one in named.items() if name != model}, **({model: weights} if weights else {})}
    text = file().read_text(encoding="utf-8") if file().exists() else ""
    changed = _with_entry(text, model, weights)
    try:
        kept = _parse(changed) == wanted
    except BadInput:
        kept = False
    if not kept:  # written in YAML's other style, or with anchors
        changed = _dumped(wanted)
    atomic_files.write_text(file(), changed, alone=True, durable=True)


def _with_entry(text: str, model: str, weights: Pretrained | None) -> str:
    """The text with the lines of one entry replaced or removed."""
    lines = text.splitlines()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for name, value in _nodes(root) if root else []:
        if name.value == model:
            first, last = name.start_mark.line, value.end_mark.line
            while last > first + 1 and lines[last - 1].lstrip()[:1] in ("", "#"):
                last -= 1
            del lines[first:last]
    entry = _dumped({model: weights}).splitlines() if weights else []
    return "".join(f"{line}\n" for line in [*lines, *entry])


def _dumped(named: Mapping[str, Pretrained]) -> str:
    plain: dict[str, Any] = {name: one.model_dump(exclude_none=True) for name, one in named.items()}
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=10_000) if plain else ""
