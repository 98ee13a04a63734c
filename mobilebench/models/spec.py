"""The registry's entry for a model, with the file of its pretrained weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mobilebench.core.records import Record
from mobilebench.models.manifest import Fill, InputSpec

USUAL_TOLERANCE: Mapping[str, float] = {"fp32": 1e-4, "fp16": 2e-2, "int8": 0.15, "dynamic": 0.1}
"""Precision to the allowed difference from TensorFlow in fp32, as a share of each output's largest absolute value."""

LICENCE_NOT_STATED = "not stated"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _checked_url(url: str) -> str:
    if not url.isprintable() or " " in url:
        raise ValueError("it contains a space or an unprintable character")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "file"):
        raise ValueError("it must begin with https://, http:// or file:///")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise ValueError("a file's URL is file:/// and an absolute path")
    elif not parts.hostname:
        raise ValueError("it has no host name")
    elif not url.isascii():
        raise ValueError("letters other than ASCII must be written as %xx")
    elif parts.port == 0:
        raise ValueError("there is no port 0")
    elif parts.username is not None or parts.password is not None:
        raise ValueError("it must not contain a user or password, because they would be stored and shown")
    return url


def _checked_sha256(digits: str) -> str:
    if not _SHA256.fullmatch(digits.lower()):
        raise ValueError(f"it must be 64 hexadecimal digits, and has {len(digits)} characters")
    return digits.lower()


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("it must be one line of text")
    return text.strip()


Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]


class Pretrained(Record):
    """A file of weights (`models.weights.weights_file`) that can be fetched."""

    url: Annotated[str, Field(max_length=2000), AfterValidator(_checked_url)]
    """`https://`, `http://` or `file:///`."""
    sha256: Annotated[str, AfterValidator(_checked_sha256)]
    """sha256 of the file; a file with another hash is refused."""
    bytes: Annotated[int, Field(gt=0)] | None = None
    """The file's size, if it is known in advance."""
    licence: Line = LICENCE_NOT_STATED
    """The licence of the weights."""
    source: Line | None = None
    """A citation of who trained the weights, and on which data."""


def tolerance(**other: float) -> dict[str, float]:
    """The usual tolerances, with other values for the named precisions."""
    return {**USUAL_TOLERANCE, **other}


@dataclass(frozen=True)
class Input:
    """One input of a model; `shape` is without the batch, which becomes the first dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    fill: Fill
    layout: str = ""
    """The order of batch (N), height (H), width (W) and channels (C) of images, such as NHWC."""


@dataclass(frozen=True)
class ModelEntry:
    """One model of the registry. Inputs are in canonical order; an input's index is `position` in the fill formula."""

    name: str
    label: str
    """The papers' label, M1 to M9; empty for a model outside their latency study."""
    title: str
    task: str
    citation: str
    parameters: int
    """The published number of parameters (rounded as in the source), with batch norm counted separately."""
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    tolerance: dict[str, float] = field(default_factory=tolerance)
    """Precision to the allowed difference, as a share of each output's largest absolute reference value."""
    definition: str | None = None
    """The module that defines the network; None when this version has no definition."""
    options: Mapping[str, int] = field(default_factory=dict)
    """Further arguments for the definition, such as depth and width."""
    pretrained: Pretrained | None = None
    """Where trained weights can be fetched; a user's list (`<home>/weights.yaml`) takes precedence."""
    preprocessing: str = ""
    """The named step (`models.steps`) that makes the input from an application's data; empty: none is needed."""
    postprocessing: str = ""
    """The named step (`models.steps`) that makes an application's result from the outputs; empty: none is needed."""

    def input_specs(self, batch: int) -> list[InputSpec]:
        """The inputs with their shapes for this batch."""
        return [
            InputSpec.model_validate(
                {"name": i.name, "dtype": i.dtype, "shape": [batch, *i.shape], "fill": i.fill.model_dump()}
            )
            for i in self.inputs
        ]
