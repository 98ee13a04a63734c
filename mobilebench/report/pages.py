"""What HTML, Markdown and the terminal say of a page's setup, of what it compiled, and of what it read back."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.labels import duration, factor, percent
from mobilebench.analysis.stage_parts import CompilationStatistics, DownloadStatistics
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import SetupPart, Stage

PARTS: dict[SetupPart, str] = {
    "framework_download": "Framework download",
    "framework_init": "Framework start",
    "model_download": "Model download",
    "model_init": "Model start",
}
"""Of a page that fetches and then starts; by an engine's own loader there is only the whole."""


def with_setup(cases: Sequence[CaseSummary]) -> list[CaseSummary]:
    """Pages whose setup counts."""
    return [case for case in cases if case.web and "setup" in case.stages]


def with_parts_of_inference(cases: Sequence[CaseSummary]) -> list[CaseSummary]:
    """Pages that compiled something for a GPU, or of whose predictions the read-back is known."""
    return [case for case in cases if case.compilation or case.readback]


def part(case: CaseSummary, name: SetupPart) -> str:
    """Milliseconds; a dash where the part is none of its own."""
    return duration(case.setup_parts[name].median) if name in case.setup_parts else "–"


def share(of: float | None) -> str:
    return "–" if of is None else percent(of)


def came(found: DownloadStatistics | None) -> str:
    """What came over the path, such as `13.9 MB`; a dash where nothing is known."""
    if found is None:
        return "–"
    return megabytes(found.bytes) if found.bytes or not found.cached_bytes else "nothing"


def way(found: DownloadStatistics | None) -> list[str]:
    """How it came: speed and path, and what a cache gave instead."""
    if found is None:
        return []
    speed = found.megabytes_per_second
    told = [f"{factor(speed)} MB/s"] if speed is not None else []
    told += [f"path {found.path}"] if found.path else []
    return [*told, *([f"{megabytes(found.cached_bytes)} from caches"] if found.cached_bytes else [])]


def megabytes(count: float) -> str:
    """10^6 bytes, with about three digits."""
    return f"{factor(count / 1e6)} MB"


def compiled(found: CompilationStatistics) -> str:
    """Such as `12 shaders, 6 pipelines`; what there is none of is left out."""
    counts = ((found.shaders, "shader"), (found.pipelines, "pipeline"))
    return ", ".join(f"{count:g} {name}{'' if count == 1 else 's'}" for count, name in counts if count)


def compiled_elsewhere(case: CaseSummary) -> list[str]:
    """What was compiled outside of the first inference, by stage."""
    names: dict[Stage, str] = {"setup": "in setup", "prediction": "in predictions"}
    return [
        f"{name} {compiled(case.compilation[stage])}, {duration(case.compilation[stage].time.median)} ms"
        for stage, name in names.items()
        if stage in case.compilation
    ]


def compiled_sentences(case: CaseSummary) -> list[str]:
    """Such as `first inference 940 ms, of it compilation 94.0 ms (10.0 %; 12 shaders, 6 pipelines)`."""
    found, first = case.compilation.get("warmup"), case.stages.get("warmup")
    told = []
    if found and first:
        inside = "; ".join([*([percent(found.share)] if found.share is not None else []), compiled(found)])
        of_it = f"of it compilation {duration(found.time.median)} ms ({inside})"
        told.append(f"first inference {duration(first.median)} ms, {of_it}")
    return [*told, *(f"compiled {one}" for one in compiled_elsewhere(case))]


def readback_sentences(case: CaseSummary) -> list[str]:
    """Such as `prediction 142 ms, of it read-back 111 ms (78.5 %)`."""
    found, whole = case.readback, case.stages.get("prediction")
    if not found or not whole:
        return []
    share_of_it = "" if found.share is None else f" ({percent(found.share)})"
    return [f"prediction {duration(whole.median)} ms, of it read-back {duration(found.time.median)} ms{share_of_it}"]
