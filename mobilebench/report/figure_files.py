"""The figures of the report as files of their own: SVG, PNG and PDF, with names that tell where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.report import document as doc
from mobilebench.report.figures import static

FORMATS: tuple[static.Format, ...] = get_args(static.Format)
_LONGEST_PART = 48
_MANY = re.compile(r"[^a-z0-9]+")

Progress = Callable[[int, int, str], None]
"""Is told the number of a figure (from 1), how many there are, and its name, before it is drawn."""


def formats(names: Sequence[str]) -> tuple[static.Format, ...]:
    """The formats of these names, each once.

    Raises:
        BadInput: there is no such format, or no name.
    """
    found = tuple(one for one in FORMATS if one in names)
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not found:
        what = f"“{unknown[0]}” is no format of figures" if unknown else "No format of figures was named"
        raise BadInput(f"{what}.", hint=f"Give one or more of {', '.join(FORMATS)}, separated by commas.")
    return found


def write(
    figures: Mapping[str, doc.Figure], folder: Path, wanted: Sequence[static.Format], progress: Progress | None = None
) -> list[Path]:
    """Write figures under their names into `folder`, which is made if it is missing. Each file is written atomically.

    Raises:
        BadInput: the folder cannot be written.
    """
    files = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, figure) in enumerate(figures.items(), 1):
            if progress:
                progress(number, len(figures), name)
            for form in wanted:
                file = folder / f"{name}.{form}"
                with atomic_files.replacing(file) as unfinished:
                    unfinished.write_bytes(static.picture(figure.spec, form))
                files.append(file)
    except OSError as error:
        raise BadInput(
            f"The figures could not be written to {folder}: {error.strerror or error}.",
            hint="Choose a folder that you may write to with `--out DIR`.",
        ) from error
    return files


def named(document: doc.Document) -> dict[str, doc.Figure]:
    """Every figure by its name: the titles of its sections and its own, such as `pc-mobilenet-v2-fp32-prediction`."""
    return by_name(((*titles, figure.title), figure) for titles, figure in _of_sections(document.sections, ()))


def by_name(figures: Iterable[tuple[Sequence[str], doc.Figure]]) -> dict[str, doc.Figure]:
    """Figures by names made of these titles; equal names get numbers."""
    found: dict[str, doc.Figure] = {}
    for titles, figure in figures:
        name = "-".join(filter(None, map(_slug, titles))) or "figure"
        same = [other for other in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", other)]
        found[f"{name}-{len(same) + 1}" if name in found else name] = figure
    return found


def _of_sections(
    sections: Sequence[doc.Section], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], doc.Figure]]:
    for section in sections:
        titles = above if section.name == "figures" else (*above, section.title)
        yield from ((titles, block) for block in doc.unfolded(section.blocks, "html") if isinstance(block, doc.Figure))
        yield from _of_sections(section.sections, titles)


def _slug(title: str) -> str:
    """Small letters and digits of a title, which may come from a device, with dashes between them."""
    return _MANY.sub("-", title.lower()).strip("-")[:_LONGEST_PART].strip("-")
