"""A worker for the tests of `worker_process`: does what its job or its arguments say."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from mobilebench.core.worker_process import end_with_parent, reserve_output


def main() -> None:
    end_with_parent()
    with reserve_output() as output:
        sys.stdout.write("a library prints\n")
        sys.stdout.flush()
        os.system("echo a program prints")
        if len(sys.argv) > 1:
            for word in sys.argv[1:]:
                output.write(json.dumps({"word": word}) + "\n")
            if "fail" in sys.argv:
                sys.exit("the last word")
            return
        job = json.load(sys.stdin)
        match job["do"]:
            case "answer":
                output.write(json.dumps({"variable": os.environ.get("SUCH"), "parent": os.getppid()}) + "\n")
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "fail":
                sys.exit("first line\nlast line")
            case "sleep":
                output.write(json.dumps({"pid": os.getpid()}) + "\n")
                time.sleep(60)


main()
