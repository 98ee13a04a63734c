"""Families of models: how members are called, which there are, and how a wrong name is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.cli import options
from mobilebench.core.errors import BadInput
from mobilebench.models import families, registry
from mobilebench.models.families import FAMILIES
from mobilebench.suite import Selection, load
from mobilebench.suite.planning import check
from mobilebench.suite.vocabulary import vocabulary
from tests.pinning import Pinned

PUBLISHED = {
    "mlp": ((1, 2, 4, 8, 16), (64, 128, 256, 512)),
    "cnn": ((6, 9, 15, 27), (200, 400, 800)),
    "rnn": ((1, 2, 3), (4, 8, 16, 32, 64, 256)),
}
"""Ma et al., WWW 2019, table 5."""


def test_the_grids_are_those_of_the_study() -> None:
    assert {name: (family.depths, family.widths) for name, family in FAMILIES.items()} == PUBLISHED
    assert [len(families.grid(name)) for name in FAMILIES] == [20, 12, 18]
    assert families.grid("rnn")[:2] == ["rnn_1x4", "rnn_1x8"]


@pytest.mark.parametrize("name", [name for family in FAMILIES for name in families.grid(family)])
def test_every_published_member_is_known_and_can_be_built(name: str) -> None:
    entry = registry.get(name)
    assert entry.name == name
    assert f"{entry.options['depth']}x{entry.options['width']}" == name.partition("_")[2]
    assert registry.knows(name)
    assert registry.why_not(name) is None


@given(st.sampled_from(sorted(FAMILIES)), st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_member_has_its_own_name_or_none_at_all(family: str, depth: int, width: int) -> None:
    name = f"{family}_{depth}x{width}"
    assert registry.knows(name) == (
        FAMILIES[family].shallowest <= depth <= FAMILIES[family].deepest
        and depth % FAMILIES[family].depth_step == 0
        and 1 <= width <= FAMILIES[family].widest
    )
    if registry.knows(name):
        assert registry.get(name).name == name
        assert registry.get(name).parameters > width


@pytest.mark.parametrize(
    "wrong",
    [
        "mlp_0x64",
        "mlp_4x5000",
        "cnn_7x200",
        "cnn_3x200",
        "rnn_9x4",
        "mlp",
        "mlp_4",
        "mlp_04x64",
        "cnn_9x",
        "rnn_2x64_3",
    ],
)
def test_a_wrong_member_gets_the_limits_or_the_way_of_calling(wrong: str, pinned: Pinned) -> None:
    with pinned.raises(BadInput) as caught:
        registry.get(wrong)
    assert not registry.knows(wrong)
    with pytest.raises(BadInput) as refused:
        check(Selection({"model": (wrong,)}), vocabulary())
    assert str(caught.value) in str(refused.value)


def test_lists_show_one_member_of_each_family() -> None:
    assert registry.names()[-3:] == ["mlp_4x256", "cnn_9x200", "rnn_2x64"]
    assert "mlp_16x512" not in registry.names()


def test_patterns_stand_for_the_published_grid_and_for_listed_models(pinned: Pinned) -> None:
    assert registry.expand(["mlp_*"]) == families.grid("mlp")
    assert registry.expand(["cnn_?x800"]) == ["cnn_6x800", "cnn_9x800"]
    assert registry.expand(["bert_*", "bert_small", "rnn_4x5"]) == ["bert_base", "bert_small", "rnn_4x5"]
    assert registry.expand(["nonsense"]) == ["nonsense"]
    with pinned.raises(BadInput):
        registry.expand(["vgg19*"])


def test_a_suite_may_name_any_member(tmp_path: Path, pinned: Pinned) -> None:
    suite = tmp_path / "mine.yaml"
    text = "title: t\ndescription: d\nmodels: [mlp_16x512, {model}]\nprecisions: [fp32]\nbatches: [1]\nthreads: [1]\n"
    text += "browsers: [chrome]\nrule: {{min_predictions: 3, max_predictions: 20, max_seconds: 1}}\nblocks: 1\n"
    text += "groups:\n  - title: g\n    targets: [host]\n    engines:\n      tflite: {{cpu: {{delegate: xnnpack}}}}\n"
    suite.write_text(text.format(model="rnn_3x256"))
    assert load(str(suite)).models == ["mlp_16x512", "rnn_3x256"]
    suite.write_text(text.format(model="rnn_30x256"))
    with pinned.raises(BadInput):
        load(str(suite))


def test_completion_offers_a_family_and_then_its_grid() -> None:
    assert options.complete_models("ml") == ["mlp_4x256"]
    assert options.complete_models("mlp_16") == [f"mlp_16x{width}" for width in PUBLISHED["mlp"][1]]
