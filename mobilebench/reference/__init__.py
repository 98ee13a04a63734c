"""Published figures as data, each with its source. Facts only: what is measured here is never mixed with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mobilebench.core.records import Record


class PublishedSize(Record):
    """The size of a model file as a publication states it."""

    megabytes: float
    source: str
    """Key of `sources` in the same file."""
    difference: str
    """Why the file that is built here has another size, in plain words."""


class ModelSizes(Record):
    """`model_sizes.yaml`."""

    sources: dict[str, str]
    """Key to citation."""
    models: dict[str, PublishedSize]


@cache
def model_sizes() -> ModelSizes:
    """Published sizes of model files, by the name that the registry gives the model."""
    import yaml

    text = (Path(__file__).parent / "model_sizes.yaml").read_text()
    return ModelSizes.model_validate(yaml.safe_load(text))
