"""Adds a user's model: reads, copies and hashes it in one pass, computes its reference output, and then keeps it."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shlex
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of_all
from mobilebench.models import behaviour, registry, user_store
from mobilebench.models.inspection import signatures
from mobilebench.models.inspection.graph import shown_name
from mobilebench.models.inspection.inspecting import Description, inspect, keep_signature
from mobilebench.models.inspection.recognise import recognise
from mobilebench.models.manifest import AddedManifest, Behaviour, Fill, Format, FormatFile, ModelFiles
from mobilebench.models.spec import USUAL_TOLERANCE
from mobilebench.models.user_models import input_specs, reference_client

Progress = Callable[[str], None]

_NEEDED: Mapping[Format, Mapping[str, str]] = {
    "onnx": {"onnx": "onnx", "onnxruntime": "onnxruntime"},
    "tflite": {"ai_edge_litert": "ai-edge-litert"},
    "saved_model": {"tensorflow": "tensorflow"},
    "tfjs": {},
}
"""Format to the modules (and their packages) that are needed to read and run its models."""

_PACKAGES: Mapping[Format, tuple[str, ...]] = {
    "onnx": ("onnxruntime",),
    "tflite": ("ai-edge-litert",),
    "saved_model": ("tensorflow",),
    "tfjs": ("tensorflow",),
}
_REFERENCE: Mapping[Format, str] = {
    "onnx": "onnxruntime",
    "tflite": "litert",
    "saved_model": "tensorflow",
    "tfjs": "tensorflow",
}
_REACHES_OUT = {"ReadFile", "WriteFile", "MatchingFiles", "SaveV2", "PyFunc", "EagerPyFunc", "PyFuncStateless"}
"""TensorFlow operators with which a model could read and write this computer's files, or call Python."""

_CHUNK = 2**20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""`errno` of an `OSError` for a full disk, quota or file size limit."""

_EIGHT_BITS = {"int8", "uint8", "int4", "uint4", "int2", "uint2"}
_QUANTISED = {"QUANTIZE", "QuantizeLinear", "QLinearConv", "QLinearMatMul", "QLinearAdd", "QGemm"}
"""Operators of models whose activations are integers too."""


@dataclass(frozen=True)
class ImportOptions:
    """The user's options for the model; omitted ones follow from the file."""

    name: str | None = None
    inputs: tuple[input_specs.InputOption, ...] = ()
    fills: Mapping[str, Fill] = field(default_factory=dict)
    precision: str | None = None
    tolerance: float | None = None
    signature: str | None = None

    @property
    def more_than_name(self) -> bool:
        """Whether options other than the name are set, which can make a different model of the same file."""
        return bool(self.inputs or self.fills or self.precision or self.tolerance)


@dataclass(frozen=True)
class Added:
    """A model that was added to the user's own."""

    files: ModelFiles
    already: bool = False
    """It had been added before, and nothing was changed."""


def add(path: Path, options: ImportOptions = ImportOptions(), progress: Progress | None = None) -> Added:
    """Copy the model at `path` to `<home>/models`; if it is there already, return its existing name.

    Raises:
        BadInput: it is no model that can be read, its inputs need sizes that were not given, its own engine does not
            run it, its name is taken, or there is no space for it. Nothing is kept then.
    """
    tell = progress or (lambda _: None)
    _check_options(options)
    file, format_name = recognise(path)
    _require(format_name)
    name = user_store.model_name(path, options.name)
    try:
        with user_store.workshop() as shop, reference_client.engine(format_name) as engine:
            tell("copying and reading it")
            given = inspect(
                path,
                format_name,
                digest=_copier(file, shop, _stored_as(name, format_name)),
                signature=options.signature,
            )
            _refuse_several_signatures(given, options.signature)
            description = _with_its_signature(given, options.signature, shop / _stored_as(name, format_name))
            if existing := user_store.read(user_store.folder() / description.sha256):
                return _again(existing, options)
            _refuse_taken(name, given=options.name is not None)
            manifest = _described(name, description, options)
            manifest = manifest.model_copy(update=_of_signatures(given, description))
            tell(f"computing the reference output with {reference_client.ENGINES[format_name]}")
            manifest = _answered(manifest, description, shop, engine)
            stored = user_store.place(shop, manifest, description.sha256)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise _no_room(user_store.folder() / name, error) from error
    return Added(stored) if stored.manifest == manifest else _again(stored, options)


def _check_options(options: ImportOptions) -> None:
    if options.precision is not None and options.precision not in registry.PRECISIONS:
        raise BadInput(
            f"There is no precision {options.precision!r}. Known precisions: {', '.join(registry.PRECISIONS)}.",
            hint="Without --precision, the precision follows from the weights.",
        )
    if options.tolerance is not None and not 0 < options.tolerance < 1:
        raise BadInput(
            f"A tolerance of {options.tolerance:g} is not valid.", hint="It is a share between 0 and 1, such as 1e-4."
        )


def _require(format_name: Format) -> None:
    missing = [package for name, package in _NEEDED[format_name].items() if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"Adding a model of format {format_name} needs packages that are not installed: {', '.join(missing)}.",
            hint="Install them: `pip install 'mobilebench[models]'`.",
        )


def _stored_as(name: str, format_name: Format) -> str:
    return {"saved_model": "saved_model.pb", "tfjs": "model.json"}.get(format_name, f"{name}.{format_name}")


def _copier(file: Path, shop: Path, main: str) -> Callable[[Path], str]:
    folder = file.parent

    def copy(one: Path) -> str:
        return copy_hashed(one, shop, main if one == file else one.relative_to(folder).as_posix())

    return copy


def _again(existing: ModelFiles, options: ImportOptions) -> Added:
    """Handle content that was added before: accepted under the same name and without other options."""
    name = existing.manifest.model
    if options.name not in (None, name):
        raise BadInput(
            f"This model was already added, as {name}.",
            hint=f"Use {name}, or first remove it with `mobilebench models remove {name}`.",
        )
    if options.more_than_name:
        raise BadInput(
            f"This model was already added, as {name}, and was not changed.",
            hint=f"To add it with other inputs, first remove it with `mobilebench models remove {name}`.",
        )
    user_store.whole(existing)
    return Added(existing, already=True)


def _refuse_taken(name: str, *, given: bool) -> None:
    if not registry.knows(name):
        return
    owner = "a model that you added" if user_store.find(name) else "one of mobilebench's models"
    proposal = user_store.free_name(name, registry.names())
    raise BadInput(
        f"The name {name} is taken by {owner}.",
        hint=f"Choose another name, for example --name {proposal}."
        if given
        else f"Choose a name, for example --name {proposal}.",
    )


def _refuse_shared_names(description: Description) -> None:
    """Refuse names shared by several tensors: engines find tensors by name, and would leave one unfilled or unread."""
    if description.shared_names:
        raise BadInput(
            f"The model cannot be measured: {', and '.join(description.shared_names)}.",
            hint="Export it with a different name for each input and output.",
        )


def _refuse_other_outputs(description: Description) -> None:
    """Refuse ONNX outputs that are not tensors: they are not supported here."""
    for tensor in description.outputs:
        if tensor.dtype in ("sequence_type", "optional_type", "map_type", "sparse_tensor_type"):
            kind = tensor.dtype.removesuffix("_type").replace("_", " ")
            raise BadInput(
                f"The model cannot be measured: its output {tensor.name!r} has type {kind}, not tensor.",
                hint="Export it with tensors as outputs (for sklearn-onnx: `options={'zipmap': False}`).",
            )


def _refuse_several_signatures(description: Description, requested: str | None) -> None:
    """Require a choice of signature: engines run a TensorFlow Lite file's first graph, which may be the wrong one."""
    if description.format != "tflite" or requested is not None or not description.signatures:
        return
    if description.signature is not None and description.signature_graphs == 1:
        return
    names = ", ".join(shown_name(name) for name in description.signatures)
    first = shlex.quote(description.signature or description.signatures[0])
    message = (
        f"The model has signatures {names}; choose one."
        if len(description.signatures) > 1
        else f"The model has signature {names}, but its first graph, which engines run, is another one."
    )
    raise BadInput(message, hint=f"For example: --signature {first}.")


def _with_its_signature(given: Description, requested: str | None, copy: Path) -> Description:
    """The model with only the chosen signature; its hash differs from the same file with another signature.

    Engines run a .tflite file's first graph, so the copy is changed unless this is the file's only signature.
    """
    if requested is None:
        return given
    if given.format == "tflite":
        keep_signature(copy, requested)
        rewritten = inspect(copy, "tflite")
        return given if _main(rewritten) == _main(given) else rewritten
    if requested == signatures.SERVING or len(given.signatures) == 1:
        return given
    return given.model_copy(update={"sha256": sha256_of_all({**given.files, f"signature {requested}": given.sha256})})


def _main(description: Description) -> str:
    """The sha256 of a model's first file."""
    return next(iter(description.files.values()))


def _of_signatures(given: Description, stored: Description) -> dict[str, object]:
    """The manifest's fields about the file's signatures."""
    rewritten = _main(given) != _main(stored)
    if len(given.signatures) < 2 and not rewritten:
        return {}
    return {
        "signature": given.signature,
        "signatures": given.signatures,
        "rewritten_from": _main(given) if rewritten else None,
    }


def _described(name: str, description: Description, options: ImportOptions) -> AddedManifest:
    """The manifest without the reference output."""
    _refuse_shared_names(description)
    _refuse_other_outputs(description)
    specs = input_specs.inputs(description, options.inputs, options.fills)
    precision = options.precision or _detected_precision(description)
    outputs = input_specs.canonical_names([tensor.name for tensor in description.outputs])
    main, *parts = description.files
    stored = FormatFile(
        path=_stored_as(name, description.format),
        sha256=description.files[main],
        bytes=description.bytes,
        parts={part: description.files[part] for part in parts},
        inputs=dict(zip([spec.name for spec in specs], [tensor.name for tensor in description.inputs], strict=True)),
        open_inputs=[
            spec.name for spec, tensor in zip(specs, description.inputs, strict=True) if input_specs.is_open(tensor)
        ],
        outputs=dict(zip(outputs, [tensor.name for tensor in description.outputs], strict=True)),
    )
    return AddedManifest(
        source="added",
        model=name,
        precision=precision,
        batch=input_specs.batch(specs),
        weights=f"added: {description.sha256}",
        seed=None,
        inputs=specs,
        outputs=outputs,
        output_dtypes=dict(zip(outputs, [tensor.dtype for tensor in description.outputs], strict=True)),
        formats={description.format: stored},
        unsupported=_others(description.format),
        reference=[],
        reference_engine="none",
        tolerance=options.tolerance or USUAL_TOLERANCE[precision],
        parameters=description.parameters,
        built_with={},
    )


def _others(own: Format) -> dict[Format, str]:
    formats: tuple[Format, ...] = ("saved_model", "tflite", "onnx", "tfjs")
    return {
        other: f"it was added as {own} (`models add --convert` makes other formats where possible)"
        for other in formats
        if other != own
    }


def _answered(
    manifest: AddedManifest, description: Description, shop: Path, engine: reference_client.Engine
) -> AddedManifest:
    """The manifest with the output of the model's own engine, and what that output depends on."""
    if reaching := sorted({operator.type for operator in description.operators} & _REACHES_OUT):
        raise BadInput(
            f"{manifest.model} may read or write files of this computer, or call Python ({', '.join(reaching)}).",
            hint="Export it without these operators.",
        )
    if description.format == "tfjs" and importlib.util.find_spec("tensorflow") is None:
        why = "no reference answer: TensorFlow, which would compute it for TF.js models, is not installed"
        return manifest.model_copy(update={"notes": [why]})
    answer, found = _ask(manifest, description, shop, engine)
    return manifest.model_copy(
        update={
            "reference": answer.summaries,
            "reference_engine": _REFERENCE[description.format],
            "notes": answer.notes,
            "behaviour": found,
            "built_with": _versions(description.format),
        }
    )


def _ask(
    manifest: AddedManifest, description: Description, shop: Path, engine: reference_client.Engine
) -> tuple[reference_client.ReferenceAnswer, Behaviour]:
    """Run the same input several times in one process, then in a new one: random seeds may be chosen per process."""
    stored = manifest.formats[description.format]
    random = behaviour.random_operators(description.operators, description.format)
    state = behaviour.state_operators(description.operators, description.format)
    cases = reference_client.published_and_other(manifest.inputs)
    with (
        TemporaryDirectory(prefix="answers-", dir=shop) as folder,
        reference_client.engine(description.format) as fresh,
    ):
        job = reference_client.job(
            shop / stored.path,
            (stored.inputs, stored.outputs),
            manifest.inputs,
            cases,
            signature=description.signature,
            keep=Path(folder),
        )
        repeated = {"repeats": reference_client.REPEATS if random or state else 1, "random": bool(random)}
        renewed = {"cases": cases[:1], "keep": None, "before": str(Path(folder) / "0.npz")}
        try:
            first = engine.ask({**job, **repeated})
            again = fresh.ask({**job, **renewed})
        except reference_client.EngineRefused as error:
            raise reference_client.refusal(manifest.model, description.format, error) from error
    return first, reference_client.behaviour(first, again, manifest.tolerance, random, state)


def _versions(format_name: Format) -> dict[str, str]:
    versions = {}
    for package in _PACKAGES[format_name]:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def copy_hashed(source: Path, folder: Path, name: str) -> str:
    """Copy one file to `folder / name`; returns the sha256 of the bytes that were written.

    Raises:
        BadInput: it cannot be read, is no regular file, or there is no space for the copy.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise BadInput(f"{source} would be stored outside its model's folder, as {name}.")
    target = folder / relative
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        reading = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(reading, "rb", buffering=0) as stream, target.open("xb") as sink:
            if not stat.S_ISREG(os.fstat(reading).st_mode):
                raise BadInput(f"{source} is not a regular file.")
            while count := stream.readinto(buffer):
                digest.update(buffer[:count])
                sink.write(buffer[:count])
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _no_room(folder, error) from error
        raise BadInput(f"{source} cannot be copied ({error.strerror}).", hint="Check its permissions.") from error
    return digest.hexdigest()


def _no_room(folder: Path, error: OSError) -> BadInput:
    """The error for a model for which the disk has no space."""
    return BadInput(
        f"There is not enough space for the model in {folder.parent} ({error.strerror}).",
        hint="Free some space, or keep mobilebench's data elsewhere with MOBILEBENCH_HOME.",
    )


def _detected_precision(description: Description) -> str:
    """`fp16` or an 8-bit precision if most parameters are stored in it, otherwise `fp32`."""
    weights = description.weight_dtypes
    if not weights:
        return "fp32"
    narrow = sum(count for dtype, count in weights.items() if dtype in _EIGHT_BITS)
    half = sum(count for dtype, count in weights.items() if dtype in ("float16", "bfloat16"))
    whole = sum(weights.values())
    if 2 * narrow > whole:
        return "int8" if _activations_too(description) else "dynamic"
    return "fp16" if 2 * half > whole else "fp32"


def _activations_too(description: Description) -> bool:
    types = {operator.type for operator in description.operators}
    return bool(types & _QUANTISED) or any(tensor.dtype in _EIGHT_BITS for tensor in description.inputs)
