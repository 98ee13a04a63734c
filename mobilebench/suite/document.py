"""YAML files with the position of every value, so that messages can name line and key of a mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mobilebench.core.errors import BadInput

_KEY = re.compile(r"^[\s-]*([A-Za-z_][\w-]*)\s*:")
_LARGEST = 1_000_000

Place = tuple[Any, ...]


@dataclass(frozen=True)
class Document:
    """The data of a YAML file, and the YAML nodes from which it was made."""

    name: str
    """Name of the file in messages."""
    data: Any
    _root: yaml.Node | None

    def error(self, place: Place, problem: str, *, hint: str | None = None) -> BadInput:
        """An error for a problem at a place in the data, with the line and column of its key or value."""
        mark = self._mark(place)
        key = ".".join(str(part) for part in place)
        where = f", at `{key}`" if key else ""
        return BadInput(f"{self.name}, line {mark.line + 1}, column {mark.column + 1}{where}: {problem}.", hint=hint)

    def _mark(self, place: Place) -> yaml.Mark:
        """Position of the deepest existing part of a place."""
        node = self._root
        mark = node.start_mark if node else yaml.Mark(self.name, 0, 0, 0, "", 0)
        for part in place:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
                if pair is None:
                    break
                mark, node = pair[0].start_mark, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                mark = node.start_mark
            else:
                break
        return mark


def read(path: Path, name: str | None = None) -> Document:
    """Read a YAML file.

    Raises:
        BadInput: it cannot be read, is not YAML, or has a key twice; the message has line, column and key.
    """
    name = name or str(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise BadInput(f"{name} is larger than a suite can be ({_LARGEST // 1000} kB).")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.", hint="Check the file's name.") from error
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """The document of a YAML text. Raises `BadInput` as `read` does."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_aliases(text, name)
        document = Document(name, yaml.safe_load(text) if root else None, root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _malformed(
            name, text, mark.line if mark else 0, mark.column if mark else 0, str(error.problem)
        ) from error
    except yaml.YAMLError as error:
        raise BadInput(f"{name} is not YAML: {error}.", hint="Only printable UTF-8 text is allowed.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name} is not usable YAML: {error}.", hint="Check its values and nesting.") from error
    _refuse_doubles(document, root, ())
    return document


def _refuse_aliases(text: str, name: str) -> None:
    """Refuse YAML aliases: a suite does not need them, and expanding them can make a small file huge."""
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise BadInput(
                f"{name}, line {token.start_mark.line + 1}: an alias (*{token.value}) is not allowed.",
                hint="Write the value out.",
            )


def _refuse_doubles(document: Document, node: yaml.Node | None, place: Place) -> None:
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _refuse_doubles(document, item, (*place, position))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise BadInput(f"{document.name}, line {line}: the key `{key.value}` stands here twice.")
            seen.add(key.value)
            _refuse_doubles(document, value, (*place, key.value))


def _malformed(name: str, text: str, line: int, column: int, problem: str) -> BadInput:
    lines = text.splitlines()[: line + 1]
    key = next((found.group(1) for found in map(_KEY.match, reversed(lines)) if found), None)
    near = f", near the key `{key}`" if key else ""
    return BadInput(
        f"{name}, line {line + 1}, column {column + 1}{near}: this is not YAML: {problem}.",
        hint="Check indentation, colons and brackets there; `mobilebench describe suites` lists suites that work.",
    )
