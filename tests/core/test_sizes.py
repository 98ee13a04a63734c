"""Numbers of bytes as people read them."""

from __future__ import annotations

from mobilebench.core import sizes


def test_decimal_sizes_use_the_largest_unit_that_fits() -> None:
    counts = (0, 999, 1000, 3_800_000, 2_500_000_000)
    assert [sizes.decimal_size(count) for count in counts] == ["0 bytes", "999 bytes", "1.0 kB", "3.8 MB", "2.5 GB"]


def test_binary_sizes_use_the_largest_unit_that_fits() -> None:
    counts = (1023, 1024, 3 * 2**20, 2**31)
    assert [sizes.binary_size(count) for count in counts] == ["1023 bytes", "1.0 KiB", "3.0 MiB", "2.0 GiB"]


def test_fixed_units_stay_whatever_the_size() -> None:
    assert sizes.megabytes(40_000) == "0.0 MB"
    assert sizes.mebibytes(2**31) == "2048.0 MiB"
