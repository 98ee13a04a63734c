"""The lock file covers the zoo, the documented tables are made from it, and small models are built to its digests."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.models import families, obtain, registry
from mobilebench.models.build import cache
from mobilebench.models.manifest import FormatFile
from scripts import lock_models

CHECKOUT = Path(__file__).parents[3]
LOCKED = lock_models.read()
LISTED = [*registry.MODELS, *(family.default_member for family in families.FAMILIES.values())]

REPEATED_BY_TFJS = {"efficientdet_d1": 4 * (6 * 88 * 88 + 88 * (36 + 810) + 8 * 9 * 88 + 36 + 810)}
"""Parameters that TF.js's converter writes again: those that all five levels of EfficientDet's heads share."""
DROPPED_BY_CONVERTERS = {"bert_small": 384 * 128, "bert_base": 384 * 768, "mobilebert": 384 * 512}
"""Position embeddings beyond the sequence."""


def test_every_model_is_locked_in_every_precision() -> None:
    assert list(LOCKED) == LISTED
    for name, model in LOCKED.items():
        assert list(model.precisions) == list(registry.PRECISIONS)
        for precision, formats in model.precisions.items():
            missing = model.unsupported.get(precision, {})
            assert {*formats, *missing} == {"saved_model", "tflite", "onnx", "tfjs"}, (name, precision)
            assert all(reason for reason in missing.values())
            assert all((one.sha256 is None) == (precision == lock_models.NOT_LOCKED) for one in formats.values())
        assert not model.unsupported.get("fp32")


@pytest.mark.parametrize("name", LISTED)
def test_sizes_follow_from_the_parameters(name: str) -> None:
    """32 bits a parameter in fp32, 16 in fp16, 8 in the others, and little besides."""
    model = LOCKED[name]
    for precision, width in (("fp32", 4), ("fp16", 2), ("int8", 1), ("dynamic", 1)):
        for format_name, one in model.precisions[precision].items():
            count = model.parameters
            if format_name != "saved_model":
                count -= DROPPED_BY_CONVERTERS.get(name, 0)
            if format_name == "tfjs":
                count += REPEATED_BY_TFJS.get(name, 0)
            usual = 400_000 if precision == "fp32" else 1_000_000 + 0.12 * count
            structure = 2_000_000 if format_name == "saved_model" else usual
            assert 0.97 * width * count <= one.bytes <= 1.03 * width * count + structure, (precision, format_name)


@pytest.mark.parametrize(("marker", "made"), [("sizes", lock_models.sizes), ("published sizes", lock_models.published)])
def test_documented_tables_are_those_of_the_lock_file(marker: str, made: object) -> None:
    text = (CHECKOUT / "docs" / "models.md").read_text()
    begin, end = f"<!-- {marker} -->\n", f"\n<!-- end of {marker} -->"
    assert text.split(begin)[1].split(end)[0].strip() == made(LOCKED)  # type: ignore[operator]


def test_published_sizes_name_known_models_and_sources() -> None:
    sizes = lock_models.published_sizes()
    for name, one in sizes.models.items():
        assert name in LOCKED
        assert one.source in sizes.sources
        assert one.difference


def test_the_digest_of_several_files_follows_each_of_them() -> None:
    one = FormatFile(path="model.json", sha256="a" * 64, bytes=3, inputs={}, outputs={})
    assert lock_models.digest(one) == "a" * 64
    two = one.model_copy(update={"parts": {"shard.bin": "b" * 64}})
    other = one.model_copy(update={"parts": {"shard.bin": "c" * 64}})
    assert len({lock_models.digest(one), lock_models.digest(two), lock_models.digest(other)}) == 3


@pytest.mark.build
@pytest.mark.parametrize("name", ["bert_small", "mobilenet_v2", "mlp_4x256"])
def test_a_small_model_is_built_to_its_locked_digests(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a cache of its own: built anew, whatever this computer already has."""
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path))
    for precision in ("fp32", "fp16", "dynamic"):
        assert lock_models.locked(obtain.build(name, precision)) == LOCKED[name].precisions[precision]


@pytest.mark.build
def test_the_same_source_and_seed_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = []
    for place in ("one", "two"):
        monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / place))
        built = [obtain.build("rnn_1x4", precision) for precision in registry.PRECISIONS]
        sums.append([(one.sha256, one.parts) for files in built for one in files.manifest.formats.values()])
        assert all(files.folder.is_relative_to(cache.models_folder()) for files in built)
        assert not [note for files in built for note in files.manifest.notes], "no operator is left in float"
    assert sums[0] == sums[1]
