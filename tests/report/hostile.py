"""A run in which everything that a device or a page may say is hostile."""

from __future__ import annotations

from dataclasses import replace

from mobilebench.core.records import Block, PlannedBlock, Run, Series, Verdict
from tests.analysis import example

SCRIPT = "<script>alert(1)</script>"
ATTRIBUTE = "\" onmouseover='alert(2)' x=\""
ESCAPE = "\x1b]0;owned\x07"
REVERSED = "\u202egnp.exe"
TABLE = "a|b `c` **d** [e](javascript:alert(3)) ![f](https://example.invalid/x.png) @someone"
FORMULA = "=HYPERLINK(1)"
EVERYTHING = f"{SCRIPT}{ATTRIBUTE}{{{{ 7*7 }}}}{TABLE}{ESCAPE}{REVERSED}\r\n"


def hostile_run() -> Run:
    """The example run with one phone and one page that answer with code."""
    run = example.example_run()
    phone = run.info.targets[1].model_copy(
        update={"name": EVERYTHING, "os": EVERYTHING, "manufacturer": EVERYTHING, "browsers": {SCRIPT: EVERYTHING}}
    )
    info = run.info.model_copy(
        update={"targets": [run.info.targets[0], phone, run.info.targets[2]], "suite": SCRIPT, "command": [EVERYTHING]}
    )
    return run.model_copy(update={"info": info, "blocks": [_hostile(block) for block in run.blocks]})


def _hostile(block: Block) -> Block:
    if block.measurement is None:
        return block.model_copy(update={"reason": f"{FORMULA} {EVERYTHING}"})
    made = block.measurement
    proof = made.proof.model_copy(
        update={
            "user_agent": EVERYTHING,
            "renderer": EVERYTHING,
            "flags": [EVERYTHING],
            "environment": {SCRIPT: EVERYTHING},
            "notes": [EVERYTHING],
            "threads_source": EVERYTHING,
            "files": [made.proof.files[0].model_copy(update={"name": EVERYTHING})],
        }
    )
    return block.model_copy(
        update={
            "measurement": made.model_copy(update={"version": EVERYTHING, "proof": proof}),
            "verdict": Verdict(status="suspect", reasons=[f"{FORMULA} {EVERYTHING}"]),
            "series": [Series(recorder=SCRIPT, name=ATTRIBUTE, unit=SCRIPT, times_ms=[0], values=[1])],
        }
    )


def planned_engine(run: Run, engine: str) -> Run:
    """The same run, in which every case carries a hostile engine name."""

    def renamed(plan: PlannedBlock) -> PlannedBlock:
        return plan.model_copy(update={"case": replace(plan.case, engine=engine)})

    return run.model_copy(
        update={
            "planned": [renamed(plan) for plan in run.planned],
            "blocks": [b.model_copy(update={"planned": renamed(b.planned)}) for b in run.blocks],
        }
    )
