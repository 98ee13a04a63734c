"""What the tables of an export are called. Nothing is imported here, so that the command line starts at once."""

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
]
