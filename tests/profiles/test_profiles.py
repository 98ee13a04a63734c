"""The shipped profiles are consistent, and each matches only its own chip."""

from __future__ import annotations

import pytest

from mobilebench import profiles

SHIPPED = {
    "snapdragon-855": 8,
    "snapdragon-865": 8,
    "snapdragon-888": 8,
    "snapdragon-8-gen-1": 8,
    "snapdragon-8-gen-2": 8,
    "snapdragon-8-gen-3": 8,
    "kirin-980": 8,
    "kirin-990": 8,
    "kirin-9000": 8,
    "tensor-g2": 8,
    "tensor-g3": 9,
    "exynos-2200": 8,
    "exynos-2400": 10,
    "dimensity-9000": 8,
    "dimensity-9300": 8,
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return tmp_path


def test_every_chip_has_all_its_cores():
    assert {profile.id: profile.cores for profile in profiles.all_profiles()} == SHIPPED


@pytest.mark.parametrize("profile_id", SHIPPED)
def test_a_profile_matches_its_own_properties_and_no_other_profile_accepts_them(profile_id):
    properties = profiles.load(profile_id).properties
    assert profiles.match(properties).id == profile_id
    for name, values in profiles.load(profile_id).identify.properties.items():
        accepted_by = [
            other.id for other in profiles.all_profiles() for value in values if other.identify.accepts(name, value)
        ]
        assert set(accepted_by) <= {profile_id}


@pytest.mark.parametrize("profile_id", SHIPPED)
def test_every_profile_describes_a_phone_that_can_be_imitated(profile_id):
    example = profiles.load(profile_id).example
    assert example is not None
    assert example.model
    assert example.device


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"ro.soc.model": "sm8550"}, "snapdragon-8-gen-2"),
        ({"ro.soc.model": "MT6983Z/TZA"}, "dimensity-9000"),
        ({"ro.soc.model": "Tensor G2", "ro.hardware": "panther"}, "tensor-g2"),
        ({"ro.board.platform": "kirin990"}, "kirin-990"),
        ({"ro.soc.model": "", "ro.board.platform": "kona", "ro.hardware": "qcom"}, "snapdragon-865"),
        ({"ro.soc.model": "SM8475", "ro.board.platform": "taro"}, None),
        ({"ro.soc.model": "SM8635", "ro.board.platform": "kalama"}, None),
        ({"ro.board.platform": "lahaina"}, None),
        ({}, None),
    ],
)
def test_the_most_exact_property_decides(properties, expected):
    found = profiles.match(properties)
    assert (found.id if found else None) == expected


def test_an_unknown_chip_has_a_name_and_advice(home):
    properties = {"ro.soc.manufacturer": "QTI", "ro.soc.model": "SM9999"}
    assert profiles.best_name(properties) == "QTI SM9999"
    advice = profiles.advice(properties)
    assert "ro.soc.model=SM9999" in advice
    assert str(home / "device_profiles") in advice


def test_a_phone_without_properties_is_named_by_its_serial():
    assert profiles.best_name({}) == "unknown"
    assert "ro.product.board" in profiles.advice({})
