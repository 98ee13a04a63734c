"""`python -m mobilebench.engines.tensorflow_worker` measures one block in this fresh process and prints JSON.

What TensorFlow prints goes to standard error. Exit codes are those of the native runner: 0 measured, 1 error,
2 bad argument, 3 unsupported, 4 the JSON could not be written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.engines.tensorflow_worker import options
from mobilebench.engines.tensorflow_worker.block import Block, answer_json, measure
from mobilebench.engines.tensorflow_worker.options import MEASURED, NOT_WRITTEN, Problem


def main(arguments: Sequence[str]) -> int:
    """Measure the block that the arguments describe. This process ends when its parent process ends."""
    end_with_parent()
    output = reserve_output()
    block: Block | None = None
    problem: Problem | None = None
    try:
        block = Block(options.parse(arguments))
        measure(block)
    except Problem as error:
        problem = error
    text = answer_json(block, problem, options.pass_asked(arguments))
    try:
        with output:
            output.write(f"{text}\n")
    except OSError as error:
        sys.stderr.write(f"the answer could not be written: {error.strerror}\n")
        return NOT_WRITTEN
    return problem.exit_code if problem else MEASURED


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # skips TensorFlow's clean-up, which is slow and not needed here
