"""Names of earlier releases, with their current names.

Options, suite keys and the combined `setting` of a case keep working for one release, with a notice on standard error.
Stores and exports of earlier releases can always be read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mobilebench.core.axes import GPUS, WASM_BUILDS

if TYPE_CHECKING:
    from mobilebench.core.axes import Case

OPTIONS = {"--variant": "--precision"}
"""Old to new options of all commands."""
SUITE_KEYS = {"variants": "precisions"}
"""Old to new keys of a suite and of its groups."""
COLUMNS = {"variant": "precision"}
"""Old to new columns of exports."""

SETTINGS = (
    *("default", "xnnpack", "xnnpack-fp16", "reference", "fp32", "fp16", "tf32"),
    *WASM_BUILDS,
    *("auto", *GPUS),
    *("cpu", "gpu", "npu", "instant"),
)
"""All values of the former `setting`, which stood for one or two axes, depending on engine and backend."""
_WITH_ARITHMETIC = {("tflite", "nnapi"), ("onnxruntime", "nnapi"), ("onnxruntime", "qnn"), ("onnxruntime", "cuda")}
_TFLITE_CPU = {
    "xnnpack": {"delegate": "xnnpack", "arithmetic": "fp32"},
    "xnnpack-fp16": {"delegate": "xnnpack", "arithmetic": "fp16"},
    "reference": {"delegate": "none", "arithmetic": "fp32"},
}


class OldName(FutureWarning):
    """A name of an earlier release was used."""


def notice(change: str) -> None:
    """Warn of an old name, in a sentence without a full stop; the command line shows it on standard error."""
    warnings.warn(f"{change}. The old form works for one more release.", OldName, stacklevel=2)


@contextmanager
def notices_shown(show: Callable[[str], None]) -> Iterator[None]:
    """Pass notices to `show`, each once; other warnings are shown as usual."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def showwarning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, OldName):
                show(f"Note: {message}")
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = showwarning
        warnings.simplefilter("default", OldName)
        yield


def new_arguments(arguments: list[str]) -> list[str]:
    """The arguments of a command line with today's option names; gives a notice for each old name."""
    found: list[str] = []
    for position, argument in enumerate(arguments):
        if argument == "--":
            return [*found, *arguments[position:]]
        option, equals, value = argument.partition("=")
        if new := OPTIONS.get(option):
            notice(f"The option `{option}` is called `{new}` now")
            option = new
        found.append(f"{option}{equals}{value}")
    return found


def backend_of(engine: str, backend: str, setting: str) -> str:
    """The current backend for a backend and setting of earlier releases."""
    return "instant" if engine == "sleep" and setting == "instant" else backend


def axes_of(engine: str, backend: str, setting: str) -> dict[str, str]:
    """The axes for which a setting stood: name to value. Empty for a setting that never existed."""
    engine = engine.partition("@")[0]
    if (engine, backend) == ("tflite", "cpu"):
        return dict(_TFLITE_CPU.get(setting, {}))
    if (engine, backend) == ("tflite", "gpu") or (engine, backend) in _WITH_ARITHMETIC:
        return {"arithmetic": "fp32" if setting == "default" else setting}
    if backend == "wasm":
        return {"wasm_build": setting}
    if backend == "webnn":
        return {"device_type": setting}
    return {"gpu": setting} if setting in ("auto", *GPUS) else {}


def setting_of(case: Case) -> str:
    """The setting that a case had in earlier releases."""
    if one := case.wasm_build or case.gpu or case.device_type:
        return one
    if case.engine == "sleep" and case.backend == "instant":
        return "instant"
    if case.delegate:
        return "reference" if case.delegate == "none" else _with_fp16(case)
    if case.arithmetic in (None, "fp32"):
        return "fp32" if (case.engine, case.backend) == ("tflite", "gpu") else "default"
    return str(case.arithmetic)


def new_options(settings: Iterable[str]) -> list[str]:
    """The options that select the same cases as these settings, for a notice. Settings that differ in the values of one
    option share it; several results are the options of one run each.
    """
    selections: list[dict[str, str]] = []
    for options in filter(None, map(_OPTIONS_OF.get, settings)):
        for known in selections:
            different = [name for name in options if options[name] != known.get(name)]
            if options.keys() == known.keys() and len(different) <= 1:
                known.update({name: f"{known[name]},{options[name]}" for name in different})
                break
        else:
            selections.append(dict(options))
    return [" ".join(f"{option} {values}" for option, values in options.items()) for options in selections]


def _with_fp16(case: Case) -> str:
    return f"{case.delegate}-fp16" if case.arithmetic == "fp16" else str(case.delegate)


_OPTIONS_OF: dict[str, dict[str, str]] = {
    "xnnpack": {"--backend": "cpu", "--delegate": "xnnpack", "--arithmetic": "fp32"},
    "xnnpack-fp16": {"--backend": "cpu", "--delegate": "xnnpack", "--arithmetic": "fp16"},
    "reference": {"--backend": "cpu", "--delegate": "none", "--arithmetic": "fp32"},
    "fp32": {"--backend": "gpu", "--arithmetic": "fp32"},
    "fp16": {"--backend": "gpu,nnapi,qnn", "--arithmetic": "fp16"},
    "tf32": {"--backend": "cuda", "--arithmetic": "tf32"},
    **{name: {"--wasm-build": name} for name in WASM_BUILDS},
    **{name: {"--gpu": name} for name in ("auto", *GPUS)},
    **{name: {"--device-type": name} for name in ("cpu", "gpu", "npu")},
    "instant": {"--backend": "instant"},
}
