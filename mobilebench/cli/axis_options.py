"""Generates the options of `run` that select values of axes from the axes' declarations."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import split
from mobilebench.core import old_names
from mobilebench.core.axes import SELECTED, Axis

_SETTING = "setting"


@dataclass(frozen=True)
class Selected:
    """The values of axes that the options select."""

    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Axis name to values as typed; axes without values are left out."""
    settings: tuple[str, ...] = ()


def added(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with its parameter of type `Selected` replaced by one option per axis."""
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)
    place = next(name for name, hint in hints.items() if hint is Selected)
    parameters = []
    for parameter in signature.parameters.values():
        own = [parameter.replace(annotation=hints[parameter.name])]
        parameters += list(_parameters()) if parameter.name == place else own

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        values = {name: split(given.pop(name)) for name in SELECTED}
        settings = split(given.pop(_SETTING))
        if settings:
            options = old_names.new_options(settings) or "--engine … --backend …"
            old_names.notice(f"The option `--setting` has become several: write `{options}`")
        command(**given, **{place: Selected({name: one for name, one in values.items() if one}, settings)})

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
    completion = complete.OF_AXES.get(axis.name)
    return typer.Option(axis.option, metavar=axis.metavar, help=axis.help, autocompletion=completion)
