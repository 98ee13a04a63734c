"""Three seeded inputs by one formula."""

from __future__ import annotations

import numpy as np

from mobilebench.models import inputs, seeded
from mobilebench.models.manifest import Fill, InputSpec

IMAGE = InputSpec(name="image", dtype="float32", shape=[1, 50, 3], fill=Fill(kind="uniform", low=-1, high=1))
TOKENS = InputSpec(name="ids", dtype="int32", shape=[1, 40], fill=Fill(kind="integers", low=0, high=101))
MASK = InputSpec(name="mask", dtype="int32", shape=[1, 40], fill=Fill(kind="integers", low=0, high=2))
MODEL = [IMAGE, TOKENS, MASK]


def test_the_published_one_is_the_formula() -> None:
    feed = seeded.feed(MODEL, "published")
    for position, spec in enumerate(MODEL):
        assert np.array_equal(feed[spec.name], inputs.fill(spec, position))


def test_the_others_take_half_of_each_range() -> None:
    upper, lower = seeded.feed(MODEL, "upper"), seeded.feed(MODEL, "lower")
    assert upper["image"].min() >= 0 and upper["image"].max() < 1
    assert lower["image"].min() >= -1 and lower["image"].max() < 0
    assert upper["ids"].min() >= 50 and upper["ids"].max() < 101
    assert lower["ids"].min() >= 0 and lower["ids"].max() < 50
    assert upper["ids"].dtype == np.int32


def test_two_integers_stay_two() -> None:
    for name in seeded.SEEDED:
        assert set(np.unique(seeded.feed(MODEL, name)["mask"])) == {0, 1}
