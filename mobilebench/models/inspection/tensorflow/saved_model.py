"""Reads a SavedModel's graph without TensorFlow; of its variables, it only checks that the files exist."""

from __future__ import annotations

import mmap
import shlex
from collections.abc import Mapping
from pathlib import Path

from mobilebench.models.inspection.confine import belonging
from mobilebench.models.inspection.graph import Graph, Value, bind, no_signature, refuse_unknown_inputs
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.tensorflow import proto_graph
from mobilebench.models.inspection.tensorflow.flatten import VARIABLE, flatten
from mobilebench.models.inspection.tensorflow.proto_graph import MetaGraph

_SERVE = "serve"
_SIGNATURE = "serving_default"
_BESIDE = ("fingerprint.pb", "keras_metadata.pb")
_FOLDERS = ("variables", "assets", "assets.extra")
_MAX_FILES = 10_000


def read(file: Path, shapes: Mapping[str, list[int]], signature: str | None = None) -> Graph:
    """The graph of one of a SavedModel's signatures.

    Args:
        file: its `saved_model.pb`.
        shapes: input name to its shape, for inputs with dynamic axes.
        signature: the one to read; None: the serving one.

    Raises:
        Malformed: it is no SavedModel, is damaged, cannot be served, or lacks its variables.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            graph = read_bytes(view, shapes, signature)
        finally:
            view.release()
    graph.files = _files(file.parent)
    if any(name.startswith(VARIABLE) for name in graph.weights) and "variables/variables.index" not in graph.files:
        raise Malformed("needs variables/variables.index, which is not there", hint="Copy the whole folder.")
    return graph


def read_bytes(data: memoryview, shapes: Mapping[str, list[int]], wished: str | None = None) -> Graph:
    """As `read`, of the `saved_model.pb` alone, from bytes in memory."""
    meta = _serving(proto_graph.meta_graphs(data))
    usable = {name: one for name, one in meta.signatures.items() if one.inputs and one.outputs}
    name = _chosen(sorted(usable), wished)
    signature = usable[name]
    graph = Graph(
        producer=f"tensorflow {meta.tensorflow}".strip(),
        signature=name,
        signatures=sorted(usable),
        signature_graphs=len(usable),
    )
    refuse_unknown_inputs(shapes, [port.name for port in signature.inputs])
    fed = {}
    for port in signature.inputs:
        value = Value(port.value.dtype, bind(port.name, port.value.shape, shapes))
        fed[port.tensor] = graph.values[port.name] = value
        graph.inputs.append(port.name)
    found = flatten(graph, meta.graph, fed, [port.tensor for port in signature.outputs])
    for port, known in zip(signature.outputs, found, strict=True):
        complete = known.shape is not None and None not in known.shape
        graph.values[port.name] = Value(port.value.dtype, known.shape if complete else port.value.shape)
        graph.outputs.append(port.name)
    return graph


def _serving(metas: list[MetaGraph]) -> MetaGraph:
    for meta in metas:
        if _SERVE in meta.tags:
            return meta
    if not metas:
        raise Malformed("is no SavedModel, or is cut short: it holds no graph")
    tags = ", ".join(sorted({tag for meta in metas for tag in meta.tags})) or "none"
    raise Malformed(f"has no graph for serving; its tags are {tags}", hint="Save it with tag `serve`.")


def _chosen(names: list[str], wished: str | None) -> str:
    """The signature to read: the requested one, the default one, or the only one."""
    if wished is not None:
        if wished not in names:
            raise no_signature(wished, names)
        return wished
    if _SIGNATURE in names:
        return _SIGNATURE
    if len(names) == 1:
        return names[0]
    known = ", ".join(shlex.quote(name[:100]) for name in names) or "none"
    raise Malformed(
        f"has no signature {_SIGNATURE!r}; it has {known}",
        hint=f"Choose one, as in --signature {shlex.quote(names[0])}."
        if names
        else "Save it with `signatures=` of a function that takes inputs and gives outputs.",
    )


def _files(folder: Path) -> list[str]:
    """The files of the SavedModel beside its graph."""
    names = [name for name in _BESIDE if (folder / name).exists()]
    for inner in _FOLDERS:
        if not (folder / inner).is_dir():
            continue
        belonging_to = sorted(path for path in (folder / inner).rglob("*") if path.is_symlink() or not path.is_dir())
        names += [path.relative_to(folder).as_posix() for path in belonging_to]
        if len(names) > _MAX_FILES:
            raise Malformed(f"has more than {_MAX_FILES} files")
    for name in names:
        belonging(folder, name, "its part")
    return names
