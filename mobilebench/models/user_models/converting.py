"""Converts an added model to other formats and keeps only those whose output agrees with the original's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mobilebench.core.agreement import of_arrays
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.hashing import sha256_of
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.models import behaviour, user_store
from mobilebench.models.inspection import signatures
from mobilebench.models.manifest import Format, FormatFile, InputSpec, Manifest, ModelFiles
from mobilebench.models.user_models import conversion_worker, onnx2tf, reference_client
from mobilebench.models.user_models.importer import Added

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-4
"""How far a conversion may differ from the original, as a share of each output's largest absolute value."""

_WAYS: dict[Format, tuple[Format, ...]] = {"saved_model": ("tflite", "onnx", "tfjs"), "onnx": ("tflite", "tfjs")}
_NO_WAY = "there is no reliable converter from {own} to this format"
_RANDOM = "the model gives another answer each time, so no conversion can be compared with it"
_STATE_LOST = "the model carries state, which its conversion does not keep: "
_FOLDER = "converted-"
_PATIENCE_S = 3600.0

Progress = Callable[[str], None]


def convert(taken: Added, tell: Progress) -> Added:
    """Add every other format that can be made and agrees; for each other one the manifest has the reason.

    All inputs are run in sequence in one session, so that a conversion of a stateful model agrees only if it keeps the
    same state.

    Raises:
        BadInput: onnx2tf could not be installed.
    """
    files = taken.files
    own = original(files.manifest)
    wanted = _WAYS.get(own, ())
    reasons = {name: _NO_WAY.format(own=own) for name in files.manifest.unsupported if name not in wanted}
    if wanted and files.manifest.precision != "fp32":
        reasons |= dict.fromkeys(wanted, f"only fp32 models are converted, and this one is {files.manifest.precision}")
        wanted = ()
    elif wanted and behaviour.of(files.manifest).random:
        reasons |= dict.fromkeys(wanted, _RANDOM)
        wanted = ()
    made: dict[Format, FormatFile] = {}
    if wanted:
        with user_store.workshop() as shop:
            made, refused = _make(files, own, wanted, shop, tell)
            lost = _STATE_LOST if behaviour.of(files.manifest).stateful else ""
            reasons |= {name: f"{lost}{reason}" for name, reason in refused.items()}
            files = _keep(files, own, made, reasons, shop)
    else:
        files = user_store.update(files, files.manifest.model_copy(update={"unsupported": reasons}))
    return Added(files, already=taken.already)


def original(manifest: Manifest) -> Format:
    """The format in which the user gave the model."""
    return next(name for name, one in manifest.formats.items() if not one.path.startswith(_FOLDER))


def difference(given: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]], whose: str) -> str | None:
    """How far an output differs from the original's, in plain words; None if by no more than `TOLERANCE`."""
    for name, wanted in expected.items():
        distance = of_arrays(wanted, given[name])
        if distance.problem:
            return f"{whose} has another output `{name}`: it {distance.problem}"
        if not distance.within(TOLERANCE):
            return f"{whose} differs by {distance.in_words} in output `{name}`; allowed is {TOLERANCE:g}"
    return None


def _make(
    files: ModelFiles, own: Format, wanted: tuple[Format, ...], shop: Path, tell: Progress
) -> tuple[dict[Format, FormatFile], dict[Format, str]]:
    manifest = files.manifest
    stored = manifest.formats[own]
    cases = reference_client.seeded_cases(manifest.inputs)
    tell("running the original on three inputs")
    kept = _answers(own, files.folder / stored.path, stored, manifest.inputs, cases, shop, _signature(files, own))
    expected = _loaded(kept, stored, len(cases))
    try:
        answer = _run(
            {
                "task": "formats",
                **_source(files, own, stored, shop, tell),
                "specs": [spec.model_dump() for spec in manifest.inputs],
                "case": cases[0],
                "expected": str(kept / "0.npz"),
                "formats": list(wanted),
                "folder": str(_empty(shop / "made")),
            },
            tell,
        )
    except MobilebenchError as error:
        if error.hint:
            raise
        return {}, dict.fromkeys(wanted, error.message)
    made: dict[Format, FormatFile] = {}
    refused: dict[Format, str] = dict(answer["failed"])
    for name in wanted:
        if name not in answer["made"]:
            continue
        tell(f"comparing the converted {name} with the original")
        one = _described(answer["made"][name], shop / "made", manifest.inputs)
        reason = _disagreement(own, name, one, manifest.inputs, cases, shop, expected)
        if reason:
            refused[name] = reason
        else:
            made[name] = one
    return made, refused


def _source(files: ModelFiles, own: Format, stored: FormatFile, shop: Path, tell: Progress) -> dict[str, Any]:
    """The SavedModel to convert, its signature, and how it names things."""
    manifest = files.manifest
    if own == "saved_model":
        return {
            "saved_model": str(files.folder),
            "signature": _signature(files, own),
            "inputs": stored.inputs,
            "outputs": stored.outputs,
        }
    python = onnx2tf.environment(tell)
    tell("converting with onnx2tf")
    plain = shop / "plain.onnx"
    shapes = [spec.shape for spec in manifest.inputs]
    _run({"task": "plain", "source": str(files.folder / stored.path), "target": str(plain), "shapes": shapes}, tell)
    names = [f"in_{place}" for place in range(len(shapes))]
    onnx2tf.to_saved_model(python, plain, shop / "from_onnx", names)
    return {
        "saved_model": str(shop / "from_onnx"),
        "signature": "serving_default",
        "inputs": dict(zip([spec.name for spec in manifest.inputs], names, strict=True)),
        "outputs": {name: f"output_{place}" for place, name in enumerate(manifest.outputs)},
    }


def _signature(files: ModelFiles, own: Format) -> str | None:
    return signatures.of_saved_model(files) if own == "saved_model" else None


def _run(job: dict[str, Any], tell: Progress) -> dict[str, Any]:
    """Run one job of `conversion_worker` in a separate process.

    Raises:
        MobilebenchError: the job failed; the message has the reason.
    """
    if job["task"] == "formats":
        tell(f"converting to {', '.join(job['formats'])}")
    with Worker(conversion_worker.__name__, environment=ENGINES_ON_CPU) as worker:
        try:
            answer = worker.answer(job, timeout_s=_PATIENCE_S)
        except WorkerFailed as error:
            raise MobilebenchError(f"the converter failed: {error.reason}") from None
    if "problem" in answer:
        raise MobilebenchError(str(answer["problem"]))
    return answer


def _answers(
    engine: Format,
    file: Path,
    stored: FormatFile,
    specs: list[InputSpec],
    cases: list[dict[str, Any]],
    shop: Path,
    signature: str | None = None,
) -> Path:
    """A folder with all outputs of this format's engine for each case."""
    kept = _empty(shop / f"answers-{uuid4().hex[:8]}")
    own = [spec.model_copy(update={"dtype": stored.input_dtypes.get(spec.name, spec.dtype)}) for spec in specs]
    with reference_client.engine(engine) as asked:
        asked.ask(
            reference_client.job(file, (stored.inputs, stored.outputs), own, cases, signature=signature, keep=kept)
        )
    return kept


def _loaded(kept: Path, stored: FormatFile, cases: int) -> list[dict[str, NDArray[Any]]]:
    import numpy as np

    found = []
    for place in range(cases):
        with np.load(kept / f"{place}.npz") as arrays:
            found.append({name: arrays[name] for name in stored.outputs})
    return found


def _disagreement(
    own: Format,
    name: Format,
    one: FormatFile,
    specs: list[InputSpec],
    cases: list[dict[str, Any]],
    shop: Path,
    expected: list[dict[str, NDArray[Any]]],
) -> str | None:
    maker = "onnx2tf" if own == "onnx" else "the converter"
    whose = f"{maker}'s {'TF.js model' if name == 'tfjs' else f'.{name}'}"
    try:
        given = _loaded(_answers(name, shop / "made" / one.path, one, specs, cases, shop), one, len(cases))
    except reference_client.EngineRefused as error:
        return f"{whose} does not run: {error}"
    except MobilebenchError as error:
        return f"{whose} cannot be measured: {error.message}"
    pairs = zip(given, expected, strict=True)
    return next((found for theirs, ours in pairs if (found := difference(theirs, ours, whose))), None)


def _described(made: dict[str, Any], folder: Path, specs: list[InputSpec]) -> FormatFile:
    every = [made["file"], *made["parts"]]
    sums = {name: sha256_of(folder / name) for name in every}
    return FormatFile(
        path=made["file"],
        sha256=sums[made["file"]],
        bytes=sum((folder / name).stat().st_size for name in every),
        parts={name: sums[name] for name in made["parts"]},
        inputs=made["inputs"],
        outputs=made["outputs"],
        input_dtypes={
            spec.name: conversion_worker.NARROWED[spec.dtype]
            for spec in specs
            if spec.dtype in conversion_worker.NARROWED
        },
    )


def _keep(
    files: ModelFiles, own: Format, made: dict[Format, FormatFile], reasons: dict[Format, str], shop: Path
) -> ModelFiles:
    """Move the files that agreed beside the original, then list them in the manifest; older ones are removed."""
    manifest = files.manifest
    fresh = f"{_FOLDER}{uuid4().hex[:8]}"
    formats: dict[Format, FormatFile] = {own: manifest.formats[own]}
    if made:
        selected = _empty(shop / "selected")
        for name, one in made.items():
            for part in (one.path, *one.parts):
                (selected / part).parent.mkdir(parents=True, exist_ok=True)
                (shop / "made" / part).rename(selected / part)
            formats[name] = _under(fresh, one)
        selected.rename(files.folder / fresh)
    note = f"conversions agreed with the original within {TOLERANCE:g} of each output's scale on three inputs"
    notes = [one for one in manifest.notes if one != note] + ([note] if made else [])
    kept = user_store.update(
        files, manifest.model_copy(update={"formats": formats, "unsupported": reasons, "notes": notes})
    )
    for old in files.folder.glob(f"{_FOLDER}*"):
        if old.name != fresh:
            shutil.rmtree(old, ignore_errors=True)
    return kept


def _under(folder: str, one: FormatFile) -> FormatFile:
    parts = {f"{folder}/{name}": sha256 for name, sha256 in one.parts.items()}
    return one.model_copy(update={"path": f"{folder}/{one.path}", "parts": parts})


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
