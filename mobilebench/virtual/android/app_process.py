"""The process of a measuring job: checks the job as the app does, and becomes the JVM that runs the app's core.

Only the standard library is imported here: this runs as a program inside the phone, in the app's folder.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from mobilebench.virtual.android import app_data
from mobilebench.virtual.files import PhoneFiles

NOT_RUN = "mobilebench-not-run "
"""Begins the line that says why a job is not run."""
BAD_JOB = 2
CONTEXTS = ("app-foreground", "app-service")
_ID = re.compile(r"[0-9a-f]{1,64}")
_MOST_BYTES = 1 << 20


def objection(job: str, context: str) -> str | None:
    """Why the app does not run this job, in its own words; None if it runs it. The folder is the app's."""
    if not _ID.fullmatch(job):
        return "The job's id has to be 1 to 64 digits of a hexadecimal number (-e job ID)."
    if context not in CONTEXTS:
        return "The context has to be app-foreground or app-service (-e context NAME)."
    file = Path("files", "jobs", job, "job.json")
    if not file.is_file():
        return f"There is no files/jobs/{job}/job.json."
    try:
        with file.open("rb") as stream:
            asked = json.loads(stream.read(_MOST_BYTES)).get("context")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None  # the core says in its answer what is wrong with such a job
    if isinstance(asked, str) and asked != context:
        return f"The job is for context {asked[:40]}, not for {context}."
    return None


def main() -> None:
    """Arguments: the phone's root folder, package, job and context, and the JVM with its arguments."""
    root, package, job, context, *argv = sys.argv[1:]
    try:
        app_data.enter(PhoneFiles(Path(root)).config, package)
        if words := objection(job, context):
            sys.stdout.write(f"{NOT_RUN}{words}\n")
            sys.exit(BAD_JOB)
        os.execv(argv[0], argv)  # noqa: S606 - no shell
    except (app_data.CannotEnter, OSError) as error:
        sys.stdout.write(f"{NOT_RUN}{error}\n")
        sys.exit(1)
