"""Splits `setting` into columns of its own: Wasm build, delegate, arithmetic, GPU and type of device.

A column that does not apply to a case is empty. The keys of cases change accordingly, also in events that name them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mobilebench.core import old_names

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NEW = ("wasm_build", "delegate", "arithmetic", "gpu", "device_type")
_cases = sa.table(
    "cases",
    *(sa.column(name, sa.Integer) for name in ("id", "threads", "batch")),
    *(sa.column(name, sa.String) for name in ("run_id", "key", "target", "engine", "backend", "setting", "browser")),
    *(
        sa.column(name, sa.String)
        for name in ("model", "precision", "affinity", "caches", "link", "loader", "encoding")
    ),
    *(sa.column(name, sa.String) for name in _NEW),
)
_events = sa.table(
    "events",
    sa.column("id", sa.Integer),
    sa.column("run_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("data", sa.JSON),
)
_USUAL = {"none", "as found", "split", "identity"}


def upgrade() -> None:
    for name in _NEW:
        op.add_column("cases", sa.Column(name, sa.String))
    connection = op.get_bind()
    keys: dict[tuple[str, str], str] = {}
    taken: set[tuple[str, str]] = set()
    for row in connection.execute(sa.select(_cases)).mappings().all():
        case = dict(row)
        axes = old_names.axes_of(case["engine"], case["backend"], case["setting"])
        case |= axes | {"backend": old_names.backend_of(case["engine"], case["backend"], case["setting"])}
        key = _key(case)
        if (case["run_id"], key) in taken:
            key = f"{key}/{case['setting']}"
        taken.add((case["run_id"], key))
        keys[case["run_id"], case["key"]] = key
        values = {"key": key, "backend": case["backend"], **axes}
        connection.execute(sa.update(_cases).where(_cases.c.id == case["id"]).values(values))
    for event in connection.execute(sa.select(_events).where(_events.c.kind == "BlockReplaced")).all():
        key = keys.get((event.run_id, event.data.get("case")), event.data.get("case"))
        connection.execute(sa.update(_events).where(_events.c.id == event.id).values(data={**event.data, "case": key}))
    op.drop_column("cases", "setting")


def _key(case: dict[str, str]) -> str:
    chosen = [case[name] for name in _NEW if case[name] and (name, case[name]) != ("arithmetic", "fp32")]
    where = [case["target"], case["engine"], case["backend"], *chosen, f"t{case['threads']}"]
    browser = [case["browser"]] if case["browser"] else []
    rest = [case[name] for name in ("affinity", "caches", "link", "loader", "encoding") if case[name] not in _USUAL]
    return "/".join([*where, *browser, case["model"], case["precision"], f"b{case['batch']}", *rest])
