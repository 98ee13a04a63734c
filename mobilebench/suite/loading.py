"""Loads suites by name or from a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mobilebench.core.axes import AXES, OFFERED, STATED
from mobilebench.core.errors import BadInput, first_problem
from mobilebench.suite.document import Document, Place, read
from mobilebench.suite.old_suites import in_todays_words
from mobilebench.suite.schema import Group, Suite, keys_at
from mobilebench.suite.vocabulary import Vocabulary, unknown, vocabulary

FOLDER = Path(__file__).parent / "suites"
_ORDER = ("quick", "paper", "native", "web", "releases")


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
        return _checked(read(FOLDER / f"{name}.yaml", f"suite {name}"), name, words or vocabulary())
    path = Path(name).expanduser()
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return _checked(read(path), path.stem, words or vocabulary())
    problem, hint = unknown("suite", name, names())
    raise BadInput(
        f"T{problem[1:]}.", hint=hint or "Name one of these, or a YAML file; `mobilebench describe suites` shows them."
    )


def _checked(document: Document, name: str, words: Vocabulary) -> Suite:
    if not isinstance(document.data, dict):
        raise document.error((), "a suite is a mapping with `title`, `models`, `groups` and so on")
    if "name" in document.data:
        raise document.error(("name",), "a suite is named by its file; leave this key out")
    try:
        suite = Suite.model_validate({**in_todays_words(document), "name": name})
    except ValidationError as error:
        raise _plain(document, error) from error
    for place, kind, word, known in _named(suite, words):
        if word not in known:
            problem, hint = unknown(kind, word, known)
            raise document.error(_as_written(document, place), problem, hint=hint)
    return suite


def _plain(document: Document, error: ValidationError) -> BadInput:
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
    message = first.text.replace("Input should be", "this should be")
    return document.error(place, f"{message[0].lower()}{message[1:]}{_shown(first.value)}")


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
