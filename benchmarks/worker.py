"""One side of a benchmark, in a process of its own; started by `turns.py`.

    python benchmarks/worker.py MODULE OPTIONS FOLDER

builds `MODULE.build(Problem.read(FOLDER), **OPTIONS)` and then answers each line with
seconds (or `[seconds, steps]`) on standard input with a line of JSON.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

BLOCK = 50  # runs are multiples of it: what one call of the scanned programs does


def main() -> None:
    """Builds, compiles, and takes turns until the input ends."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**content) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        run = built(*sys.argv[1:])
        run(BLOCK)  # compiles
    except Exception as error:  # this machine cannot run the side
        lines = str(error).strip().splitlines() or [""]
        answer(absent=f"{type(error).__name__}: {lines[0]}")
        raise
    answer(ready=True)
    for line in sys.stdin:
        seconds, steps = json.loads(line)
        spent = timed(run, BLOCK)  # warms up, and gives the speed
        if steps is None:
            steps = round(seconds / spent) * BLOCK
        steps = max(BLOCK, steps // BLOCK * BLOCK)
        answer(steps=steps, seconds=timed(run, steps))


def built(module: str, options: str, folder: str):
    """The side's `run`."""
    from peers import Problem

    build = importlib.import_module(module).build
    return build(Problem.read(Path(folder)), **json.loads(options)).run


def timed(run, steps: int) -> float:
    """Seconds that `steps` steps take."""
    begun = time.perf_counter()
    run(steps)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
