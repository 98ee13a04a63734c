"""Shell completion of names from the code's registries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mobilebench.core.axes import OFFERED


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def suites(incomplete: str) -> list[str]:
    from mobilebench import suite

    return _starting((one.name for one in suite.shipped()), incomplete)


def models(incomplete: str) -> list[str]:
    from mobilebench.models import families, registry

    family = incomplete.partition("_")[0]
    if "_" in incomplete and family in families.FAMILIES:
        return [name for name in families.grid(family) if name.startswith(incomplete)]
    return _starting(registry.names(), incomplete)


def engines(incomplete: str) -> list[str]:
    from mobilebench.engines.registry import engines as known

    return _starting(known(), incomplete)


def backends(incomplete: str) -> list[str]:
    from mobilebench.engines.registry import engines as known

    return _starting({backend.name for engine in known().values() for backend in engine.backends}, incomplete)


def _offered(axis: str) -> Callable[[str], list[str]]:
    """The completion for an axis of backends."""

    def complete(incomplete: str) -> list[str]:
        from mobilebench.engines.registry import engines as known

        every = {value for engine in known().values() for one in engine.backends for value in one.axes.get(axis, ())}
        return _starting(every, incomplete)

    return complete


def profiles(incomplete: str) -> list[str]:
    from mobilebench.profiles import all_profiles

    return _starting((profile.id for profile in all_profiles()), incomplete)


def serials(incomplete: str) -> list[str]:
    from mobilebench import targets

    return _starting(["all", *(info.id for info in targets.discover())], incomplete)


def runs(incomplete: str) -> list[str]:
    from mobilebench.core import paths
    from mobilebench.results.store import Store

    return _starting(["last", *(info.id for info in Store.open(paths.home(), create=False).runs())], incomplete)


def engines_with_libraries(incomplete: str) -> list[str]:
    from mobilebench.engines.libraries import ENGINES

    return _starting(ENGINES, incomplete)


def builds(incomplete: str) -> list[str]:
    from mobilebench.engines.libraries import catalogue

    return _starting(catalogue.builds(), incomplete)


OF_AXES: dict[str, Callable[[str], list[str]]] = {
    "engine": engines,
    "backend": backends,
    "model": models,
    **{name: _offered(name) for name in OFFERED},
}
"""Axis name to its completion."""
