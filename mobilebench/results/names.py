"""The names of the tables of an export. Nothing is imported here, so that the command line starts fast."""

from __future__ import annotations

from typing import Literal

TableName = Literal[
    "samples",
    "kernels",
    "graph",
    "memory",
    "page_memory",
    "kernel_memory",
    "cost",
    "compilation",
    "downloads",
    "proof",
    "files",
    "traces",
    "series",
    "energy",
    "page_quality",
    "attempts",
]
