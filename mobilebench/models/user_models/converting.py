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


def convert(added: Added, tell: Progress) -> Added:
    """Add every other format that can be made and agrees; for each other one the manifest has the reason.

    All inputs are run in sequence in one session, so that a conversion of a stateful model agrees only if it keeps the
    same state.

    Raises:
        BadInput: onnx2tf could not be installed.
    """
    files = added.files
    source_format = original(files.manifest)
    targets = _WAYS.get(source_format, ())
    reasons = {name: _NO_WAY.format(own=source_format) for name in files.manifest.unsupported if name not in targets}
    if targets and files.manifest.precision != "fp32":
        reasons |= dict.fromkeys(targets, f"only fp32 models are converted, and this one is {files.manifest.precision}")
        targets = ()
    elif targets and behaviour.of(files.manifest).random:
        reasons |= dict.fromkeys(targets, _RANDOM)
        targets = ()
    made: dict[Format, FormatFile] = {}
    if targets:
        with user_store.workshop() as shop:
            made, refused = _make(files, source_format, targets, shop, tell)
            lost = _STATE_LOST if behaviour.of(files.manifest).stateful else ""
            reasons |= {name: f"{lost}{reason}" for name, reason in refused.items()}
            files = _keep(files, source_format, made, reasons, shop)
    else:
        files = user_store.update(files, files.manifest.model_copy(update={"unsupported": reasons}))
    return Added(files, already=added.already)


def original(manifest: Manifest) -> Format:
    """The format in which the user gave the model."""
    return next(name for name, one in manifest.formats.items() if not one.path.startswith(_FOLDER))


def difference(outputs: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]], owner: str) -> str | None:
    """How far an output differs from the original's, in plain words; None if by no more than `TOLERANCE`."""
    for name, reference in expected.items():
        distance = of_arrays(reference, outputs[name])
        if distance.problem:
            return f"{owner} has another output `{name}`: it {distance.problem}"
        if not distance.within(TOLERANCE):
            return f"{owner} differs by {distance.in_words} in output `{name}`; allowed is {TOLERANCE:g}"
    return None


def _make(
    files: ModelFiles, source_format: Format, targets: tuple[Format, ...], shop: Path, tell: Progress
) -> tuple[dict[Format, FormatFile], dict[Format, str]]:
    manifest = files.manifest
    stored = manifest.formats[source_format]
    cases = reference_client.seeded_cases(manifest.inputs)
    tell("running the original on three inputs")
    folder = _answers(
        source_format,
        files.folder / stored.path,
        stored,
        manifest.inputs,
        cases,
        shop,
        _signature(files, source_format),
    )
    expected = _loaded(folder, stored, len(cases))
    try:
        answer = _run(
            {
                "task": "formats",
                **_source(files, source_format, stored, shop, tell),
                "specs": [spec.model_dump() for spec in manifest.inputs],
                "case": cases[0],
                "expected": str(folder / "0.npz"),
                "formats": list(targets),
                "folder": str(_empty(shop / "made")),
            },
            tell,
        )
    except MobilebenchError as error:
        if error.hint:
            raise
        return {}, dict.fromkeys(targets, error.message)
    made: dict[Format, FormatFile] = {}
    refused: dict[Format, str] = dict(answer["failed"])
    for name in targets:
        if name not in answer["made"]:
            continue
        tell(f"comparing the converted {name} with the original")
        one = _described(answer["made"][name], shop / "made", manifest.inputs)
        reason = _disagreement(source_format, name, one, manifest.inputs, cases, shop, expected)
        if reason:
            refused[name] = reason
        else:
            made[name] = one
    return made, refused


def _source(files: ModelFiles, source_format: Format, stored: FormatFile, shop: Path, tell: Progress) -> dict[str, Any]:
    """The SavedModel to convert, its signature, and how it names things."""
    manifest = files.manifest
    if source_format == "saved_model":
        return {
            "saved_model": str(files.folder),
            "signature": _signature(files, source_format),
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


def _signature(files: ModelFiles, source_format: Format) -> str | None:
    return signatures.of_saved_model(files) if source_format == "saved_model" else None


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
    folder = _empty(shop / f"answers-{uuid4().hex[:8]}")
    own_specs = [spec.model_copy(update={"dtype": stored.input_dtypes.get(spec.name, spec.dtype)}) for spec in specs]
    with reference_client.engine(engine) as process:
        process.ask(
            reference_client.job(
                file, (stored.inputs, stored.outputs), own_specs, cases, signature=signature, keep=folder
            )
        )
    return folder


def _loaded(folder: Path, stored: FormatFile, cases: int) -> list[dict[str, NDArray[Any]]]:
    import numpy as np

    outputs = []
    for place in range(cases):
        with np.load(folder / f"{place}.npz") as arrays:
            outputs.append({name: arrays[name] for name in stored.outputs})
    return outputs


def _disagreement(
    source_format: Format,
    format_name: Format,
    stored: FormatFile,
    specs: list[InputSpec],
    cases: list[dict[str, Any]],
    shop: Path,
    expected: list[dict[str, NDArray[Any]]],
) -> str | None:
    maker = "onnx2tf" if source_format == "onnx" else "the converter"
    owner = f"{maker}'s {'TF.js model' if format_name == 'tfjs' else f'.{format_name}'}"
    try:
        converted = _loaded(
            _answers(format_name, shop / "made" / stored.path, stored, specs, cases, shop), stored, len(cases)
        )
    except reference_client.EngineRefused as error:
        return f"{owner} does not run: {error}"
    except MobilebenchError as error:
        return f"{owner} cannot be measured: {error.message}"
    pairs = zip(converted, expected, strict=True)
    return next((reason for outputs, reference in pairs if (reason := difference(outputs, reference, owner))), None)


def _described(made: dict[str, Any], folder: Path, specs: list[InputSpec]) -> FormatFile:
    names = [made["file"], *made["parts"]]
    sha256 = {name: sha256_of(folder / name) for name in names}
    return FormatFile(
        path=made["file"],
        sha256=sha256[made["file"]],
        bytes=sum((folder / name).stat().st_size for name in names),
        parts={name: sha256[name] for name in made["parts"]},
        inputs=made["inputs"],
        outputs=made["outputs"],
        input_dtypes={
            spec.name: conversion_worker.NARROWED[spec.dtype]
            for spec in specs
            if spec.dtype in conversion_worker.NARROWED
        },
    )


def _keep(
    files: ModelFiles, source_format: Format, made: dict[Format, FormatFile], reasons: dict[Format, str], shop: Path
) -> ModelFiles:
    """Move the files that agreed beside the original, then list them in the manifest; older ones are removed."""
    manifest = files.manifest
    folder_name = f"{_FOLDER}{uuid4().hex[:8]}"
    formats: dict[Format, FormatFile] = {source_format: manifest.formats[source_format]}
    if made:
        selected = _empty(shop / "selected")
        for name, stored in made.items():
            for part in (stored.path, *stored.parts):
                (selected / part).parent.mkdir(parents=True, exist_ok=True)
                (shop / "made" / part).rename(selected / part)
            formats[name] = _under(folder_name, stored)
        selected.rename(files.folder / folder_name)
    note = f"conversions agreed with the original within {TOLERANCE:g} of each output's scale on three inputs"
    notes = [other for other in manifest.notes if other != note] + ([note] if made else [])
    updated = user_store.update(
        files, manifest.model_copy(update={"formats": formats, "unsupported": reasons, "notes": notes})
    )
    for old in files.folder.glob(f"{_FOLDER}*"):
        if old.name != folder_name:
            shutil.rmtree(old, ignore_errors=True)
    return updated


def _under(folder: str, stored: FormatFile) -> FormatFile:
    parts = {f"{folder}/{name}": sha256 for name, sha256 in stored.parts.items()}
    return stored.model_copy(update={"path": f"{folder}/{stored.path}", "parts": parts})


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
