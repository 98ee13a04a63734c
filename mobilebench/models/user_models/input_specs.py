"""The inputs of an added model, as its file states them, completed by the user's options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from mobilebench.core.errors import BadInput
from mobilebench.models.inspection.inspecting import Description, Tensor
from mobilebench.models.manifest import Fill, InputSpec

DTYPES: tuple[str, ...] = get_args(InputSpec.model_fields["dtype"].annotation)
LARGEST_BATCH = 1024
_LARGEST_INPUT = 2**31
"""Largest tensor that engines accept, in bytes."""

_BYTES = {"float32": 4, "int32": 4, "int64": 8}
_RANGES = {"uint8": (0, 256), "int8": (-128, 128), "bool": (0, 2)}
"""Safe range of values by dtype; integers of other dtypes may be indices, for which only 0 and 1 are safe."""


@dataclass(frozen=True)
class InputOption:
    """One `--input`."""

    name: str
    shape: tuple[int, ...]
    dtype: str | None


def parse_input(text: str) -> InputOption:
    """`NAME=1x128:int32`; the dtype is optional, and `scalar` is the shape without dimensions.

    Raises:
        BadInput: it is not of this form.
    """
    name, equals, rest = text.rpartition("=")
    shape, _, dtype = rest.partition(":")
    if not equals or not name or not re.fullmatch(r"scalar|[0-9]{1,9}(x[0-9]{1,9})*", shape):
        raise BadInput(
            f"--input {text!r} is not of the form NAME=SHAPE:DTYPE.", hint="For example: input_ids=1x128:int32."
        )
    sizes = () if shape == "scalar" else tuple(int(size) for size in shape.split("x"))
    if 0 in sizes:
        raise BadInput(f"--input {text!r} has a size of 0.", hint="Every size is 1 or more.")
    if dtype and dtype not in DTYPES:
        raise BadInput(f"--input {text!r} has the unknown dtype {dtype!r}.", hint=f"Known dtypes: {', '.join(DTYPES)}.")
    return InputOption(name, sizes, dtype or None)


def parse_fill(text: str) -> tuple[str, Fill]:
    """`NAME=uniform:LOW:HIGH` or `NAME=integers:LOW:HIGH`.

    Raises:
        BadInput: it is not of this form, or the range is empty.
    """
    name, equals, rest = text.rpartition("=")
    try:
        kind, low_text, high_text = rest.split(":")
        low, high = float(low_text), float(high_text)
        if not equals or not name or kind not in ("uniform", "integers") or not -3e38 <= low < high <= 3e38:
            raise ValueError
        if kind == "integers" and not (low.is_integer() and high.is_integer() and high - low < 2**32):
            raise ValueError
    except ValueError:
        raise BadInput(
            f"--fill {text!r} is not of the form NAME=uniform:LOW:HIGH or NAME=integers:LOW:HIGH, with LOW below HIGH.",
            hint="Examples: image=uniform:0:1, input_ids=integers:0:30522. HIGH itself is not drawn.",
        ) from None
    return name, Fill(kind="uniform" if kind == "uniform" else "integers", low=low, high=high)


def by_name(found: Sequence[Tensor], given: Sequence[InputOption]) -> dict[str, InputOption]:
    """The user's options for each input, by the file's name for it; the user may also use the plain name.

    Raises:
        BadInput: an input does not exist or is given twice.
    """
    plain = dict(zip(canonical_names([tensor.name for tensor in found]), found, strict=True))
    own = {tensor.name: tensor for tensor in found}
    chosen: dict[str, InputOption] = {}
    for one in given:
        tensor = own.get(one.name) or plain.get(one.name)
        if tensor is None:
            raise BadInput(f"The model has no input {one.name!r}.", hint=f"Its inputs are {shown(found)}.")
        if tensor.name in chosen:
            raise BadInput(f"--input gives {one.name!r} twice.")
        chosen[tensor.name] = one
    return chosen


def inputs(description: Description, given: Sequence[InputOption], fills: Mapping[str, Fill]) -> list[InputSpec]:
    """The model's inputs under plain names, each with a complete shape and safe values.

    Raises:
        BadInput: an unknown size is not given, or a given option does not fit the file; the hint has the flags.
    """
    found = description.inputs
    chosen = by_name(found, given)
    _ask_for_missing(found, chosen)
    names = canonical_names([tensor.name for tensor in found])
    if unknown := sorted(set(fills) - set(names) - {tensor.name for tensor in found}):
        raise BadInput(f"--fill: the model has no input {unknown[0]!r}.", hint=f"Its inputs are {shown(found)}.")
    return [
        _spec(tensor, name, chosen.get(tensor.name), fills.get(tensor.name) or fills.get(name), description)
        for tensor, name in zip(found, names, strict=True)
    ]


def batch(specs: Sequence[InputSpec]) -> int:
    """The first size of all inputs with two or more dimensions if it is the same; otherwise 1."""
    sizes = {spec.shape[0] for spec in specs if len(spec.shape) > 1}
    size = sizes.pop() if len(sizes) == 1 else 1
    return size if size <= LARGEST_BATCH else 1


def canonical_names(names: Sequence[str]) -> list[str]:
    """Plain names for tensors, in the same order and all different: `serving_default_x:0` becomes `x`.

    They are used on command lines and in reports, while a format's own names may hold any characters.
    """
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W+", "_", name.removeprefix("serving_default_").removesuffix(":0"), flags=re.ASCII)
        plain = plain.strip("_")[:64] or "tensor"
        number = 1
        while (plain if number == 1 else f"{plain}_{number}") in found:
            number += 1
        found.append(plain if number == 1 else f"{plain}_{number}")
    return found


def shown(tensors: Sequence[Tensor]) -> str:
    """`image (float32 1x?x224x3), mask (int64 scalar)`."""
    return ", ".join(f"{tensor.name} ({tensor.dtype} {_sizes(tensor)})" for tensor in tensors) or "none"


def _sizes(tensor: Tensor) -> str:
    if not tensor.rank_known:
        return "of unknown rank"
    return "x".join("?" if size is None else str(size) for size in tensor.shape) or "scalar"


def is_open(tensor: Tensor) -> bool:
    """Whether the file leaves sizes or the rank of this input open."""
    return None in tensor.shape or not tensor.rank_known


def _ask_for_missing(found: Sequence[Tensor], chosen: Mapping[str, InputOption]) -> None:
    missing = [tensor for tensor in found if is_open(tensor) and tensor.name not in chosen]
    if missing:
        flags = " ".join(f"--input {quoted(tensor.name)}={_example(tensor)}:{tensor.dtype}" for tensor in missing)
        raise BadInput(
            f"The model leaves sizes of its inputs open: {shown(missing)}.",
            hint=f"Give them, for example: {flags}"
            + ("" if all(tensor.rank_known for tensor in missing) else " (`scalar` is the shape without sizes)"),
        )


def quoted(name: str) -> str:
    """The name quoted for a shell."""
    return name if re.fullmatch(r"[\w./:+-]+", name) else "'" + name.replace("'", "'\\''") + "'"


def _example(tensor: Tensor) -> str:
    """Likely sizes for a hint: a batch of 1, images of 224 x 224 in 3 colours, sequences of 128."""
    if not tensor.rank_known:
        return "1x128"
    rank = len(tensor.shape)
    usual = [1] + [224 if rank == 4 else 128] * (rank - 1)
    if rank == 4 and 3 not in tensor.shape:
        usual[3 if tensor.shape[1] is not None else 1] = 3
    return "x".join(str(likely if size is None else size) for size, likely in zip(tensor.shape, usual, strict=True))


def _spec(
    tensor: Tensor, name: str, given: InputOption | None, fill: Fill | None, description: Description
) -> InputSpec:
    if tensor.dtype not in DTYPES:
        raise BadInput(
            f"Input {tensor.name!r} has {tensor.dtype} values, which mobilebench cannot fill.",
            hint=f"Export the model with inputs of these dtypes: {', '.join(DTYPES)}.",
        )
    if 0 in tensor.shape:
        raise BadInput(
            f"Input {tensor.name!r} has a size of 0 in the file ({_sizes(tensor)}), so there is nothing to measure.",
            hint="If the size is meant to be open, export the model with a dynamic axis, or with the size itself.",
        )
    shape = [int(size or 0) for size in tensor.shape]
    if given is not None:
        if given.dtype not in (None, tensor.dtype):
            raise BadInput(f"Input {tensor.name!r} is {tensor.dtype} in the file, not {given.dtype}.")
        fits = not tensor.rank_known or (
            len(given.shape) == len(tensor.shape)
            and all(own in (None, size) for own, size in zip(tensor.shape, given.shape, strict=True))
        )
        if not fits:
            wanted = "x".join(map(str, given.shape)) or "scalar"
            raise BadInput(
                f"Input {tensor.name!r} cannot have the shape {wanted}: in the file it is {_sizes(tensor)}.",
                hint="Only sizes that are shown as ? can be chosen.",
            )
        shape = list(given.shape)
    _check_size(tensor.name, shape, tensor.dtype)
    chosen = fill or _safe_fill(tensor, description)
    _check_fill(tensor, chosen)
    return InputSpec.model_validate({"name": name, "dtype": tensor.dtype, "shape": shape, "fill": chosen.model_dump()})


def _check_size(name: str, shape: Sequence[int], dtype: str) -> None:
    size = _BYTES.get(dtype, 1)
    for length in shape:
        size *= length
    if size > _LARGEST_INPUT:
        raise BadInput(f"Input {name!r} would take {size / 2**30:.1f} GiB; engines take at most 2 GiB.")
    if len(shape) > 8:
        raise BadInput(f"Input {name!r} has {len(shape)} dimensions; engines take at most 8.")


def _safe_fill(tensor: Tensor, description: Description) -> Fill:
    if tensor.dtype.startswith("float"):
        return Fill(kind="uniform", low=-1, high=1)
    rows = description.lookups.get(tensor.name)
    low, high = (0, rows) if rows else _RANGES.get(tensor.dtype, (0, 2))
    return Fill(kind="integers", low=low, high=high)


def _check_fill(tensor: Tensor, fill: Fill) -> None:
    limits = {"int32": (-(2.0**31), 2.0**31), "int64": (-(2.0**53), 2.0**53), **_RANGES}.get(tensor.dtype)
    if limits and not limits[0] <= fill.low < fill.high <= limits[1]:
        raise BadInput(
            f"--fill: input {tensor.name!r} is {tensor.dtype}, which cannot hold all values from {fill.low:g} to "
            f"{fill.high:g}."
        )
