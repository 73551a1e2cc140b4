"""Fuzzes every reader of files with atheris: `python benchmarks/fuzz.py` (a million).

Each reader gets bytes made by libFuzzer, half of them as they are and half wrapped so
that they pass the outer checks (packed anew, sealed anew, digests and checksums made to
fit). The only good outcomes are a right result and a `UserError`. Each reader runs in
processes of its own with bounded address space: a native crash is counted, its input
kept, and the reader goes on in a new process. Writes `benchmarks/fuzz.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import hostile  # beside this file: what the readers are fed with

HERE = Path(__file__).parent
RESULTS = HERE / "fuzz.json"
# Inputs of a full run: the readers that need no TensorFlow make up most of it.
INPUTS = {
    "idx": 400_000,
    "records": 400_000,
    "json": 160_000,
    "gzip": 10_000,
    "npz": 12_000,
    "config": 10_000,
    "png": 10_000,
    "table": 10_000,
    "pictures": 10_000,
    "manifest": 5_000,
    "index": 5_000,
    "samples": 500,
    "caption": 300,
    "judge": 100,
    "checkpoint": 1_000,
    "prepared": 300,
    "curves": 300,
}
_SECONDS = 60  # for one input; then a signal ends the process
_ADDRESS_SPACE = 16 << 30  # TensorFlow alone maps several GB


def main() -> None:
    """Fuzzes the chosen readers, prints the table and writes the results."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--readers", nargs="*", choices=INPUTS, default=list(INPUTS))
    flags.add_argument("--share", type=float, default=1.0, help="of the full run")
    flags.add_argument("--seed", type=int, default=1)
    flags.add_argument("--out", type=Path, default=RESULTS)
    flags.add_argument("--child", help=argparse.SUPPRESS)
    flags.add_argument("--inputs", type=int, help=argparse.SUPPRESS)
    values = flags.parse_args()
    if values.child:
        child(values.child, values.inputs, values.seed, values.out)
        return
    results = json.loads(values.out.read_text()) if values.out.exists() else {}
    for reader in values.readers:
        wanted = max(1, int(INPUTS[reader] * values.share))
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
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "told.json"
            arguments = ["--child", reader, "--inputs", wanted - total["inputs"]]
            arguments += ["--seed", seed, "--out", told]
            ended = subprocess.run(
                [sys.executable, __file__, *map(str, arguments)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            if not told.exists():
                raise SystemExit(f"{reader} told nothing:\n{ended.stderr[-3000:]}")
            part = json.loads(told.read_text())
        for name in ("inputs", "results", "refused"):
            total[name] += part[name]
        total["memory"] = max(total["memory"], part["memory"])
        total["grown_mib"] = max(total.get("grown_mib", 0), part["grown_mib"])
        if ended.returncode:  # 77: libFuzzer caught a signal or an exception
            part["failures"][f"process ended with {ended.returncode}"] = 1
            print(ended.stderr[-3000:], flush=True)
        for name, count in part["failures"].items():
            total["failures"][name] = total["failures"].get(name, 0) + count
        seed += 1000
    total["seconds"] = round(time.monotonic() - begin)
    return total


def child(reader: str, inputs: int, seed: int, out: Path) -> None:
    """Feeds one reader; tells of every input before and after it is read."""
    import atheris

    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.path.insert(0, str(HERE.parent))
    with atheris.instrument_imports(include=["gan_tf", "zipfile", "gzip", "json"]):
        pass
    home = out.parent  # the parent's temporary folder
    target = hostile.TARGETS[reader](home)
    told = {"inputs": 0, "results": 0, "refused": 0, "failures": {}, "memory": 0.0}
    last, native = home / "last", reader in hostile.NATIVE
    resident = 0

    def one(data: bytes) -> None:
        nonlocal resident
        told["inputs"] += 1
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        resident = resident if told["inputs"] > 100 else most  # after the warm-up
        told["grown_mib"] = most - resident
        if native or told["inputs"] % 1000 == 1:  # in case this one ends the process
            last.write_bytes(data)
            out.write_text(json.dumps(told))
        # Of the processor: by the clock, a machine that pauses looks like a hang.
        signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
        outcome, memory = hostile.attempt(target, data)
        told["memory"] = max(told["memory"], round(memory, 2))
        if outcome in ("results", "refused"):
            told[outcome] += 1
        else:
            if outcome not in told["failures"]:
                name = f"fuzz-{reader}-{told['inputs']}"
                (Path(tempfile.gettempdir()) / name).write_bytes(data)
            told["failures"][outcome] = told["failures"].get(outcome, 0) + 1
        if told["inputs"] >= inputs:
            out.write_text(json.dumps(told))
            os._exit(0)

    corpus = home / "corpus"
    corpus.mkdir()
    for number, content in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(content)
    tracemalloc.start()
    most = 1 << (16 if reader in ("npz", "samples", "png") else 12)
    options = [f"-seed={seed}", f"-max_len={most}", "-rss_limit_mb=0", "-len_control=0"]
    options += ["-timeout=86400", f"-artifact_prefix={home}/"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def table(results: dict) -> str:
    """The results as a Markdown table."""
    lines = [
        "| reader | inputs | right result | refused | failures | memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for reader, row in results.items():
        failures = sum(row["failures"].values())
        lines.append(
            f"| {reader} | {row['inputs']} | {row['results']} | {row['refused']} "
            f"| {failures} | {row['memory']:.2f} |"
        )
    total = sum(row["inputs"] for row in results.values())
    return "\n".join([*lines, f"{total} inputs in all"])


if __name__ == "__main__":
    main()
