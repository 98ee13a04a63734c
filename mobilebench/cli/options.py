"""Options of commands: completion of their values by the shell, and the options of `run` that follow from the axes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from mobilebench.cli.output import split
from mobilebench.core import old_names
from mobilebench.core.axes import OFFERED, SELECTED, Axis, Scope


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def complete_suites(incomplete: str) -> list[str]:
    from mobilebench import suite

    return _starting((one.name for one in suite.shipped()), incomplete)


def complete_models(incomplete: str) -> list[str]:
    from mobilebench.models import families, registry

    family = incomplete.partition("_")[0]
    if "_" in incomplete and family in families.FAMILIES:
        return [name for name in families.grid(family) if name.startswith(incomplete)]
    return _starting(registry.names(), incomplete)


def complete_engines(incomplete: str) -> list[str]:
    from mobilebench.engines.registry import engines

    return _starting(engines(), incomplete)


def complete_backends(incomplete: str) -> list[str]:
    from mobilebench.engines.registry import engines

    return _starting({backend.name for engine in engines().values() for backend in engine.backends}, incomplete)


def _offered(axis: str) -> Callable[[str], list[str]]:
    """The completion for an axis of backends."""

    def complete(incomplete: str) -> list[str]:
        from mobilebench.engines.registry import engines

        every = {value for engine in engines().values() for one in engine.backends for value in one.axes.get(axis, ())}
        return _starting(every, incomplete)

    return complete


def complete_profiles(incomplete: str) -> list[str]:
    from mobilebench.profiles import all_profiles

    return _starting((profile.id for profile in all_profiles()), incomplete)


def complete_serials(incomplete: str) -> list[str]:
    from mobilebench import targets
    from mobilebench.targets import rack, selection

    found = targets.discover()
    phones = [info for info in found if info.kind == "android"]
    chosen = selection.available(phones, rack.current())
    return _starting(["all", *(info.id for info in found), *chosen], incomplete)


def complete_runs(incomplete: str) -> list[str]:
    import os

    from mobilebench.core import paths
    from mobilebench.results.places import VARIABLE
    from mobilebench.results.store import Store

    with Store.open(os.environ.get(VARIABLE) or paths.home(), create=False) as store:
        return _starting(["last", *(info.id for info in store.runs())], incomplete)


def complete_engines_with_libraries(incomplete: str) -> list[str]:
    from mobilebench.engines.libraries import ENGINES

    return _starting(ENGINES, incomplete)


def complete_builds(incomplete: str) -> list[str]:
    from mobilebench.engines.libraries import catalogue

    return _starting(catalogue.builds(), incomplete)


_COMPLETIONS: dict[str, Callable[[str], list[str]]] = {
    "engine": complete_engines,
    "backend": complete_backends,
    "model": complete_models,
    **{name: _offered(name) for name in OFFERED},
}
"""Axis name to its completion."""

RackFile = Annotated[
    Path | None,
    typer.Option(
        "--rack",
        metavar="FILE",
        dir_okay=False,
        help="The rack file, which gives phones names, labels and groups. [default: rack.yaml in MOBILEBENCH_HOME, "
        "or the file that MOBILEBENCH_RACK names]",
    ),
]

RackFileOrScheduler = Annotated[
    str | None,
    typer.Option(
        "--rack",
        metavar="FILE|tls://HOST[:PORT]",
        help="The rack file, which gives phones names, labels and groups [default: rack.yaml in MOBILEBENCH_HOME, or "
        "the file that MOBILEBENCH_RACK names]; or the scheduler of a rack, whose hosts' phones are used instead of "
        "those of this computer.",
    ),
]
RackCertificates = Annotated[
    Path | None,
    typer.Option(
        "--rack-certificates",
        metavar="DIR",
        envvar="MOBILEBENCH_RACK_CERTIFICATES",
        file_okay=False,
        help="With --rack tls://…: the folder of your certificate (`mobilebench rack certificates DIR`). [default: "
        "rack/certificates in MOBILEBENCH_HOME]",
    ),
]

_SETTING = "setting"

WHAT = "What to measure"
PAGES = "Web pages"
NATIVE = "Native engines"
BACKENDS = "Choices of a backend"
PASSES = "Passes and recorders"
HOW = "How to measure"
GOING_ON = "Interruptions"
_PANELS: dict[Scope, str] = {
    "every case": WHAT,
    "pages": PAGES,
    "native engines": NATIVE,
    "some backends": BACKENDS,
}
"""Scope of an axis to the heading under which `run --help` shows its option."""


def group(title: str) -> typer.Typer:
    """A group of commands, such as `mobilebench models`."""
    return typer.Typer(no_args_is_help=True, help=title, rich_markup_mode="markdown", add_completion=False)


@dataclass(frozen=True)
class SelectedAxes:
    """The values of axes that the options select."""

    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Axis name to values as typed; axes without values are left out."""
    settings: tuple[str, ...] = ()


def with_axis_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with its parameter of type `SelectedAxes` replaced by one option per axis."""
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)
    place = next(name for name, hint in hints.items() if hint is SelectedAxes)
    parameters = []
    for parameter in signature.parameters.values():
        own = [parameter.replace(annotation=hints[parameter.name])]
        parameters += list(_parameters()) if parameter.name == place else own

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        values = {name: split(given.pop(name)) for name in SELECTED}
        settings = split(given.pop(_SETTING))
        if settings:
            options = old_names.new_options(settings) or ["--engine … --backend …"]
            shown = ", and in a further run ".join(f"`{selection}`" for selection in options)
            old_names.notice(f"The option `--setting` was replaced by several options: write {shown}")
        command(**given, **{place: SelectedAxes({name: named for name, named in values.items() if named}, settings)})

    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_options


def _parameters() -> Iterator[inspect.Parameter]:
    for axis in SELECTED.values():
        yield _parameter(axis.name, _option(axis))
    yield _parameter(_SETTING, typer.Option(f"--{_SETTING}", hidden=True))


def _parameter(name: str, option: Any) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, default=None, annotation=Annotated[list[str] | None, option])


def _option(axis: Axis) -> Any:
    completion = _COMPLETIONS.get(axis.name)
    panel = _PANELS[axis.scope]
    return typer.Option(
        axis.option, metavar=axis.metavar, help=axis.help, autocompletion=completion, rich_help_panel=panel
    )
