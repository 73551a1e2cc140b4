"""Fuzzes every reader of files with atheris; a million inputs by default.

    python -m tests.fuzz.long_run
    python -m tests.fuzz.long_run --inputs 100000 --out part.json
    python -m tests.fuzz.long_run --readers table curves

libFuzzer makes the inputs. Half of them are used as they are, and half are wrapped so
that they pass the outer checks (compressed, with digests and checksums that fit). The
only good outcomes are a right result and a `UserError`. Each reader runs in processes
of its own with a bounded address space (`feed.py`): a native crash is counted, its
input kept, and the reader goes on in a new process. A finished reader is not run again,
an interrupted one goes on. Needs Linux and the extra `fuzz`; prints a Markdown table
and writes `tests/fuzz/long_run.json`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.fuzz.readers import INPUTS

RESULTS = Path(__file__).with_suffix(".json")


def main() -> None:
    """Fuzzes the chosen readers, prints the table and writes the results."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    everything = sum(INPUTS.values())
    flags.add_argument("--readers", nargs="*", choices=INPUTS, default=list(INPUTS))
    flags.add_argument(
        "--inputs",
        type=int,
        default=everything,
        help=f"of all readers together; each gets its share ({everything})",
    )
    flags.add_argument("--seed", type=int, default=1)
    flags.add_argument("--out", type=Path, default=RESULTS)
    values = flags.parse_args()
    results = json.loads(values.out.read_text()) if values.out.exists() else {}
    for reader in values.readers:
        wanted = max(1, INPUTS[reader] * values.inputs // everything)
        results[reader] = fuzz(reader, wanted, values.seed, results.get(reader))
        print(reader, results[reader], flush=True)
        values.out.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


def fuzz(reader: str, wanted: int, seed: int, total: dict | None = None) -> dict:
    """Runs one reader in as many processes as it takes, or goes on from `total`."""
    new = {"inputs": 0, "results": 0, "refused": 0, "failures": {}, "memory": 0.0}
    total = total or new
    seed += total["inputs"]
    begin = time.monotonic() - total.get("seconds", 0)
    while total["inputs"] < wanted and sum(total["failures"].values()) < 10000:
        add(total, one_process(reader, wanted - total["inputs"], seed))
        seed += 1000
    total["seconds"] = round(time.monotonic() - begin)
    return total


def one_process(reader: str, inputs: int, seed: int) -> dict:
    """The outcomes of one process: all inputs, or those up to a crash."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        arguments = map(str, (reader, inputs, seed, report))
        ended = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.feed", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=ROOT,
        )
        if not report.exists():
            raise SystemExit(f"{reader} wrote no report:\n{ended.stderr[-3000:]}")
        part = json.loads(report.read_text())
    if ended.returncode:  # 77: libFuzzer caught a signal or an exception
        part["failures"][f"process ended with {ended.returncode}"] = 1
        print(ended.stderr[-3000:], flush=True)
    return part


def add(total: dict, part: dict) -> None:
    """Adds the outcomes of one process to those of a reader."""
    for name in ("inputs", "results", "refused"):
        total[name] += part[name]
    for name in ("memory", "grown_mib"):
        total[name] = max(total.get(name, 0), part[name])
    for name, count in part["failures"].items():
        total["failures"][name] = total["failures"].get(name, 0) + count


def table(results: dict) -> str:
    """The results as a Markdown table."""
    lines = [
        "| reader | inputs | correct result | refused | failures | memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for reader, row in results.items():
        failures = sum(row["failures"].values())
        lines.append(
            f"| {reader} | {row['inputs']} | {row['results']} | {row['refused']} "
            f"| {failures} | {row['memory']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
