"""Converts suite files of earlier releases to today's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mobilebench.core import old_names
from mobilebench.core.axes import engine_name
from mobilebench.suite.document import Document


def in_todays_words(document: Document) -> Mapping[str, Any]:
    """The data of a suite file with today's names, and a notice of the names that have changed.

    Raises:
        BadInput: a list of settings contains one that never existed.
    """
    changes: dict[str, str] = {}
    suite = _with_new_keys(document.data, changes)
    groups = suite.get("groups")
    if isinstance(groups, list):
        suite["groups"] = [_group(document, number, group, changes) for number, group in enumerate(groups)]
    if changes:
        shown = "; ".join(f"`{old}` is `{new}`" for old, new in changes.items())
        old_names.notice(f"{document.name} is written for an earlier release, which this one still reads. Now {shown}")
    return suite


def _with_new_keys(data: Mapping[str, Any], changes: dict[str, str]) -> dict[str, Any]:
    found = dict(data)
    for old, new in old_names.SUITE_KEYS.items():
        if old in found and new not in found:
            found[new] = found.pop(old)
            changes[old] = new
    return found


def _group(document: Document, number: int, group: Any, changes: dict[str, str]) -> Any:
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
