"""Which signature of its file an added model uses."""

from __future__ import annotations

from mobilebench.models.inspection.graph import shown_name
from mobilebench.models.manifest import AddedManifest, Format, Manifest, ModelFiles

SERVING = "serving_default"
_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def of(manifest: Manifest) -> str | None:
    """The signature that was chosen from several; None for models with one or none."""
    return manifest.signature if isinstance(manifest, AddedManifest) else None


def clause(manifest: Manifest) -> str | None:
    """`signature encode of two signatures; file rewritten from sha256 …`; None for models that have one or none."""
    if not isinstance(manifest, AddedManifest) or manifest.signature is None:
        return None
    count = len(manifest.signatures)
    of_several = f" of {_WORDS.get(count, count)} signatures" if count > 1 else ""
    text = f"signature {shown_name(manifest.signature)}{of_several}"
    if manifest.rewritten_from:
        text += f"; file rewritten from sha256 {manifest.rewritten_from}, with this signature alone"
    return text


def of_saved_model(files: ModelFiles) -> str:
    """The signature with which a SavedModel is run; in users' models it may have any name."""
    if files.manifest.source == "zoo":
        return SERVING
    if chosen := of(files.manifest):
        return chosen
    from mobilebench.models.inspection.inspecting import inspect

    saved_model: Format = "saved_model"
    return inspect(files.folder / files.manifest.formats[saved_model].path, saved_model).signature or SERVING


def to_read(manifest: Manifest, format: Format) -> str | None:  # noqa: A002 - the word of the domain
    """The signature to request when reading the file; None if it is the default one."""
    return of(manifest) if format == "saved_model" else None
