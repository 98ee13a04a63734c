"""The command that measures the same plan again."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from mobilebench.analysis.summary import RunSummary
from mobilebench.report import document as doc
from mobilebench.report.views import RunView


def section(view: RunView) -> doc.Section | None:
    """The command, the seed, and the origin of each model's weights."""
    info = view.run.info
    weights = "".join(f" {model}: weights {source}." for model, source in info.weights.items())
    sentence = f"Seed {info.seed} gives the same order of blocks.{weights}"
    blocks = (
        doc.Command(repeat_command(view.run), forms=doc.DOCUMENTS),
        doc.Paragraph(sentence, "small", forms=doc.HTML),
    )
    return doc.Section("repeat", "Measure it again", blocks)


def repeat_command(summary: RunSummary) -> str:
    """The command that measures the same plan again, quoted for a shell."""
    info = summary.info
    arguments = list(info.command)
    if not arguments:
        arguments = ["mobilebench", "run", "--serial", ",".join(t.id for t in info.targets), "--suite", info.suite]
    elif PurePath(arguments[0]).name == "mobilebench":
        arguments[0] = "mobilebench"
    else:
        arguments.insert(0, "mobilebench")
    if not any(argument.split("=")[0] == "--seed" for argument in arguments):
        arguments += ["--seed", str(info.seed)]
    return shlex.join(arguments)
