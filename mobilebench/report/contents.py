"""The sections of the report, in order. A new section is one file under `sections/` and one line here."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.summary import RunSummary
from mobilebench.report.document import Document, Section
from mobilebench.report.sections import (
    gaps,
    glance,
    head,
    kernels,
    measurements,
    memory,
    method,
    page_memory,
    pages,
    repeat,
    results,
    targets,
    traces,
    wall_time,
)
from mobilebench.report.views import ModelSection, RunSection, view

SECTIONS: tuple[RunSection, ...] = (
    glance.section,
    targets.section,
    measurements.section,
    method.section,
    wall_time.section,
    repeat.section,
    head.closing,
    results.data,
    gaps.data,
    kernels.data,
    memory.data,
)
"""Sections of the whole run. `measurements` holds the sections of the models; `data` are tables only for CSV."""

MODEL_SECTIONS: tuple[ModelSection, ...] = (
    results.section,
    gaps.section,
    pages.section,
    kernels.section,
    memory.section,
    page_memory.section,
    traces.section,
)
"""Sections of each model on each target."""


def document(
    summary: RunSummary,
    sections: Sequence[RunSection] = SECTIONS,
    model_sections: Sequence[ModelSection] = MODEL_SECTIONS,
) -> Document:
    """The report of a run as a document, for the renderers."""
    of_run = view(summary, model_sections)
    made: list[Section] = [found for build in sections if (found := build(of_run))]
    return head.document(of_run, tuple(made))
