"""Small changes to a measurement before it becomes a block, and blocks without values."""

from __future__ import annotations

from datetime import UTC, datetime

from mobilebench.core.errors import BlockFailed, Fault, Unsupported
from mobilebench.core.records import Block, DeviceConditions, Measurement, Outcome, PlannedBlock


def under(measurement: Measurement, device: DeviceConditions | None) -> Measurement:
    """The measurement with the phone's conditions in its proof; what runner and page may say about them is dropped."""
    if device is None and measurement.proof.device is None:
        return measurement
    return measurement.model_copy(update={"proof": measurement.proof.model_copy(update={"device": device})})


def noted(measurement: Measurement, note: str) -> Measurement:
    """The measurement with one more note in its proof."""
    proof = measurement.proof.model_copy(update={"notes": [*measurement.proof.notes, note]})
    return measurement.model_copy(update={"proof": proof})


def usable(measurement: Measurement) -> Measurement:
    """Check a measurement again, in case an engine did not turn a bad answer into an error.

    Raises:
        Unsupported: it says that the case cannot be measured.
        BlockFailed: it says that measuring failed.
    """
    if measurement.status == "ok":
        return measurement
    reason = measurement.reason or f"{measurement.engine} gave no reason"
    raise Unsupported(reason) if measurement.status == "unsupported" else BlockFailed(reason, fault=measurement.fault)


def without_values(
    planned: PlannedBlock, outcome: Outcome, reason: str, started: datetime, fault: Fault | None = None
) -> Block:
    """A block that ends now without a measurement."""
    ended = datetime.now(UTC)
    return Block(planned=planned, outcome=outcome, reason=reason, fault=fault, started_at=started, ended_at=ended)
