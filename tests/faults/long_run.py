"""Faults in full number, on the real command: how many times tried, how many survived.

    TMPDIR=/dev/shm python -m tests.faults.long_run
    python -m tests.faults.long_run --only kill signals --share 0.1 --out part.json

Survived means: what the run leaves in the end is what an undisturbed run leaves, bit
for bit in all weights and optimizers, with the same curves and files, nothing left over
and no step reported twice; or, where the fault cannot be survived, that it was refused
in one sentence and that nothing was lost. Prints a Markdown table and writes
`tests/faults/long_run.json` (results of faults that are not named stay). Needs Linux,
root for the disks, and '.[test]'.

Most processes are forked from one that has loaded TensorFlow, which saves seconds each;
from there on they run `python -m gan_tf.train`. Every tenth starts from nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gan_tf.errors import UserError
from tests.faults import disks, processes
from tests.faults.place import ForkServer, Place

RESULTS = Path(__file__).with_suffix(".json")
FAULTS: dict[str, Callable[[Place], list[str]]] = {
    "kill": processes.kill,
    "signals": processes.signals,
    "full_disk": disks.full_disk,
    "damage": disks.damage,
    "description": disks.description,
    "second_process": processes.second_process,
    "places": disks.places,
    "clock": disks.clock,
}


def main() -> None:
    """Tries the faults that the flags name."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--only", nargs="*", choices=tuple(FAULTS), default=list(FAULTS))
    flags.add_argument("--share", type=float, default=1.0, help="of the full numbers")
    flags.add_argument("--out", type=Path, default=RESULTS)
    values = flags.parse_args()
    results = json.loads(values.out.read_text()) if values.out.exists() else {}
    server = ForkServer()
    for name in values.only:
        print(name, flush=True)
        results[name] = tried(name, server, values.share)
        results = {key: results[key] for key in FAULTS if key in results}
        values.out.write_text(json.dumps(results, indent=2) + "\n")
    server.close()
    print(table(results))


def tried(name: str, server: ForkServer, share: float) -> dict:
    """How often one fault was tried and survived."""
    since = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = FAULTS[name](Place(Path(folder), server, share))
    return {
        "tried": len(outcomes),
        "survived": sum(text.startswith("survived") for text in outcomes),
        "outcomes": {text: outcomes.count(text) for text in sorted(set(outcomes))},
        "seconds": round(time.monotonic() - since),
    }


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| fault | tried | survived |", "| --- | --- | --- |"]
    for name, row in results.items():
        what = " ".join(FAULTS[name].__doc__.split()).rstrip(".")
        rows.append(f"| {what} | {row['tried']} | {row['survived']} |")
    return "\n".join(rows)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
