"""Loads suites by name or from a YAML file, with the position of every value, so that messages can name line and key of
a mistake. Files of earlier releases are converted to current names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mobilebench.core import old_names
from mobilebench.core.axes import AXES, OFFERED, STATED, engine_name
from mobilebench.core.errors import BadInput, as_clause, as_sentence, first_problem
from mobilebench.suite.schema import Group, Suite, keys_at
from mobilebench.suite.vocabulary import Vocabulary, unknown, vocabulary

FOLDER = Path(__file__).parent / "suites"
_ORDER = ("quick", "paper", "native", "context", "web", "ladder", "releases", "sustained", "qoe")

_KEY = re.compile(r"^[\s-]*([A-Za-z_][\w-]*)\s*:")
_LARGEST = 1_000_000

Place = tuple[Any, ...]


def names() -> list[str]:
    """The names of the shipped suites."""
    found = {path.stem for path in FOLDER.glob("*.yaml")}
    return [name for name in _ORDER if name in found] + sorted(found - set(_ORDER))


def shipped() -> list[Suite]:
    """Every suite that is shipped with mobilebench."""
    return [load(name) for name in names()]


def load(name: str, *, words: Vocabulary | None = None) -> Suite:
    """A shipped suite by name, or one from a YAML file.

    Raises:
        BadInput: there is no such suite, or its file has a mistake; the message names line, column and key.
    """
    if name in names():
        return _checked(read_yaml(FOLDER / f"{name}.yaml", f"suite {name}"), name, words or vocabulary())
    path = Path(name).expanduser()
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return _checked(read_yaml(path), path.stem, words or vocabulary())
    problem, hint = unknown("suite", name, names())
    raise BadInput(
        as_sentence(problem),
        hint=hint or "Name one of these, or a YAML file; `mobilebench describe suites` shows them.",
    )


def _checked(document: Document, name: str, words: Vocabulary) -> Suite:
    if not isinstance(document.data, dict):
        raise document.error((), "a suite is a mapping with `title`, `models`, `groups` and so on")
    if "name" in document.data:
        raise document.error(("name",), "a suite is named by its file; leave this key out")
    try:
        suite = Suite.model_validate({**_in_current_names(document), "name": name})
    except ValidationError as error:
        raise _in_plain_words(document, error) from error
    for place, kind, word, known in _named(suite, words):
        if word not in known:
            problem, hint = unknown(kind, word, known)
            raise document.error(_as_written(document, place), problem, hint=hint)
    return suite


def _in_plain_words(document: Document, error: ValidationError) -> BadInput:
    """The first mistake, described in terms of the file instead of the validator.

    An unknown key comes before a missing one, because it often is the missing one, misspelt.
    """
    first = first_problem(error)
    place = _as_written(document, first.path)
    if first.kind == "extra_forbidden":
        problem, hint = unknown("key", str(place[-1]), keys_at(place[:-1]))
        return document.error(place, problem, hint=hint)
    if first.kind == "missing":
        return document.error(place, f"the key `{place[-1]}` is missing")
    if first.kind == "too_short":
        return document.error(place, "this list should have at least 1 item")
    message = first.text.replace("Input should be", "this should be")
    return document.error(place, f"{as_clause(message)}{_shown(first.value)}")


def _shown(value: Any) -> str:
    return f", not {value!r}" if isinstance(value, str | int | float | bool) or value is None else ""


def _named(suite: Suite, words: Vocabulary) -> Iterator[tuple[Place, str, str, Collection[str]]]:
    """Every name in the suite: its place, its kind, the name itself, and the names that exist."""
    yield from _of_axes((), suite, words)
    for number, group in enumerate(suite.groups):
        place: Place = ("groups", number)
        yield from _of_axes(place, group, words)
        limits = group.on_software_gpu
        if limits and limits.models:
            yield from _listed((*place, "on_software_gpu", "models"), "model", limits.models, words.models)
        for engine, backends in group.engines.items():
            at: Place = (*place, "engines", engine)
            yield at, "engine", engine, list(words.engines)
            for backend, choices in backends.items():
                yield (*at, backend), f"backend of {engine}", backend, words.backends([engine])
                for index, choice in enumerate(choices):
                    for name in choice:
                        known = words.offered(name, [engine], [backend])
                        if name in OFFERED:
                            kind = f"{AXES[name].title} of {engine} {backend}"
                            yield from _listed((*at, backend, index, name), kind, choice[name], known)


def _of_axes(
    place: Place, stating: Suite | Group, words: Vocabulary
) -> Iterator[tuple[Place, str, str, Collection[str]]]:
    for axis in STATED.values():
        known = words.known(axis.name)
        if known is not None:
            yield from _listed((*place, axis.plural), axis.title, stating.stated(axis), known)


def _listed(
    place: Place, kind: str, found: list[str], known: Collection[str]
) -> Iterator[tuple[Place, str, str, Collection[str]]]:
    for number, name in enumerate(found):
        yield (*place, number), kind, name, known


def _as_written(document: Document, place: Place) -> Place:
    """The place in the file for a place in the full form, where the file may have a value instead of a list of one."""
    found: list[Any] = []
    here = document.data
    for part in place:
        if isinstance(part, int) and not isinstance(here, list):
            continue
        found.append(part)
        with suppress(LookupError, TypeError):
            here = here[part]
    return tuple(found)


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


def read_yaml(path: Path, name: str | None = None) -> Document:
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
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Document:
    """The document of a YAML text. Raises `BadInput` as `read_yaml` does."""
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
                raise BadInput(f"{document.name}, line {line}: the key `{key.value}` is given twice.")
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


def _in_current_names(document: Document) -> Mapping[str, Any]:
    """The data of a suite file with current names, and a notice of the names that have changed.

    Raises:
        BadInput: a list of settings contains one that never existed.
    """
    changes: dict[str, str] = {}
    suite = _with_new_keys(document.data, changes)
    groups = suite.get("groups")
    if isinstance(groups, list):
        suite["groups"] = [_renamed_group(document, number, group, changes) for number, group in enumerate(groups)]
    if changes:
        shown = "; ".join(f"`{old}` is now `{new}`" for old, new in changes.items())
        old_names.notice(f"{document.name} is written for an earlier release. Names have changed: {shown}")
    return suite


def _with_new_keys(data: Mapping[str, Any], changes: dict[str, str]) -> dict[str, Any]:
    found = dict(data)
    for old, new in old_names.SUITE_KEYS.items():
        if old in found and new not in found:
            found[new] = found.pop(old)
            changes[old] = new
    return found


def _renamed_group(document: Document, number: int, group: Any, changes: dict[str, str]) -> Any:
    if not isinstance(group, Mapping):
        return group
    found = _with_new_keys(group, changes)
    if isinstance(found.get("engines"), Mapping):
        place = ("groups", number, "engines")
        found["engines"] = {
            engine: _backends(document, (*place, engine), str(engine), backends, changes)
            for engine, backends in found["engines"].items()
        }
    return found


def _backends(document: Document, place: tuple[Any, ...], engine: str, backends: Any, changes: dict[str, str]) -> Any:
    """The backends of an engine; a list of settings becomes a list of choices, one for each setting."""
    if not isinstance(backends, Mapping):
        return backends
    found: dict[Any, Any] = {}
    for backend, settings in backends.items():
        if not (isinstance(settings, list) and settings and all(isinstance(one, str) for one in settings)):
            found[backend] = settings
            continue
        for index, setting in enumerate(settings):
            if setting not in old_names.SETTINGS:
                raise document.error((*place, backend, index), f"there is no setting `{setting}` of {engine} {backend}")
            name = old_names.backend_of(engine_name(engine), backend, setting)
            axes = old_names.axes_of(engine_name(engine), name, setting)
            found.setdefault(name, []).append(axes)
            changes[f"{backend}: [{setting}]"] = f"{name}: {{{', '.join(f'{k}: {v}' for k, v in axes.items())}}}"
    return found
