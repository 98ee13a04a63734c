"""The names that suites and selections may use, and the message for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobilebench.browsers.names import FAMILIES, is_name
from mobilebench.core.axes import AUTO, NODE, OFFERED

if TYPE_CHECKING:
    from mobilebench.engines.base import Backend, Engine


@dataclass(frozen=True)
class Vocabulary:
    """Everything that can be named."""

    engines: Mapping[str, Engine]
    models: Collection[str]
    """Contains every name that a model may have, but iterates only over those that are worth listing."""
    precisions: tuple[str, ...]

    @property
    def browsers(self) -> Collection[str]:
        return Browsers()

    def backend(self, engine: str, backend: str) -> Backend:
        """A backend of an engine, which has to exist."""
        return next(one for one in self.engines[engine].backends if one.name == backend)

    def backends(self, engines: Iterable[str] = ()) -> list[str]:
        """Names of the backends of these engines, or of all engines when none is named."""
        chosen = [self.engines[name] for name in engines] or list(self.engines.values())
        return _once(backend.name for engine in chosen for backend in engine.backends)

    def offered(self, axis: str, engines: Iterable[str] = (), backends: Iterable[str] = ()) -> list[str]:
        """The values of an axis that these backends of these engines offer; when none are named, all of them count."""
        chosen = [self.engines[name] for name in engines if name in self.engines] or list(self.engines.values())
        wanted = set(backends)
        found = [b for engine in chosen for b in engine.backends if not wanted or b.name in wanted]
        values = _once(value for backend in found for value in backend.axes.get(axis, ()))
        return [*values, AUTO] if axis == "gpu" and values else values

    def known(self, axis: str) -> Collection[str] | None:
        """The values of an axis that are names, such as models; None for an axis whose declaration has the values."""
        if axis in OFFERED:
            return self.offered(axis)
        return {
            "engine": tuple(self.engines),
            "backend": tuple(self.backends()),
            "browser": self.browsers,
            "model": self.models,
            "precision": self.precisions,
        }.get(axis)


class Browsers(Collection[str]):
    """Contains Node and every build of a browser under any name, but iterates only over what is found automatically."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name == NODE or is_name(name))

    def __iter__(self) -> Iterator[str]:
        return iter((*FAMILIES, NODE))

    def __len__(self) -> int:
        return len(FAMILIES) + 1


class Models(Collection[str]):
    """Contains all models of the registry, but iterates only over the zoo and one member of each family."""

    def __contains__(self, name: object) -> bool:
        from mobilebench.models import registry

        return isinstance(name, str) and registry.knows(name)

    def __iter__(self) -> Iterator[str]:
        from mobilebench.models import registry

        return iter(registry.names())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def vocabulary() -> Vocabulary:
    """The names that this version knows, from its registries."""
    from mobilebench.engines.registry import engines
    from mobilebench.models import registry

    return Vocabulary(engines=engines(), models=Models(), precisions=tuple(registry.PRECISIONS))


def unknown(kind: str, name: str, known: Iterable[str]) -> tuple[str, str | None]:
    """The sentence (without full stop) and the hint for a name that does not exist.

    Args:
        kind: what the name stands for, such as `model`, or `delegate of tflite cpu`.
        name: the name.
        known: the names that exist.
    """
    if isinstance(known, Models) and (told := _of_family(name)):
        return told
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"Did you mean `{close[0]}`?" if close else None
    thing, of, owner = kind.partition(" of ")
    return f"there is no {thing} `{name}`{of}{owner}; known are {', '.join(names) or 'none'}", hint


def _of_family(model: str) -> tuple[str, str | None] | None:
    """The registry's message and hint for a name that begins like a family's members."""
    from mobilebench.core.errors import BadInput, as_clause
    from mobilebench.models import families, registry

    if model.partition("_")[0] not in families.FAMILIES:
        return None
    try:
        registry.get(model)
    except BadInput as error:
        return as_clause(error.message), error.hint
    return None


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
