"""One process of the long run: `python -m tests.fuzz.feed READER INPUTS SEED REPORT`.

Started by `long_run.py`. The report is written before and after what may end the
process, so that it is there even after a native crash.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import tracemalloc
from pathlib import Path

import atheris

from tests.fuzz.readers import NATIVE, READERS
from tests.fuzz.target import Target, attempt

MAX_SECONDS = 60  # for one input; then a signal ends the process
ADDRESS_SPACE = 16 << 30  # TensorFlow alone maps several GB
LARGE = ("npz", "samples", "png")  # readers with long inputs


class Feed:
    """Gives a reader one input after the other, and keeps the count."""

    def __init__(self, reader: str, inputs: int, target: Target, report: Path) -> None:
        self.reader, self.inputs, self.target = reader, inputs, target
        self.report = report
        self.counts = {"inputs": 0, "results": 0, "refused": 0, "failures": {}}
        self.counts |= {"memory": 0.0, "grown_mib": 0}
        self._warm = 0  # MiB resident after the first hundred inputs

    def __call__(self, data: bytes) -> None:
        """Reads one input."""
        counts = self.counts
        counts["inputs"] += 1
        self._measure_growth()
        if self.reader in NATIVE or counts["inputs"] % 1000 == 1:
            self._write(data)  # in case this one ends the process
        # Of the processor: by the clock, a machine that pauses looks like a hang.
        signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
        outcome, memory = attempt(self.target, data)
        counts["memory"] = max(counts["memory"], round(memory, 2))
        if outcome in ("results", "refused"):
            counts[outcome] += 1
        else:
            self._count_failure(outcome, data)
        if counts["inputs"] >= self.inputs:
            self._write(data)
            os._exit(0)

    def _measure_growth(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        if self.counts["inputs"] <= 100:
            self._warm = peak
        self.counts["grown_mib"] = peak - self._warm

    def _count_failure(self, outcome: str, data: bytes) -> None:
        failures = self.counts["failures"]
        if outcome not in failures:
            name = f"fuzz-{self.reader}-{self.counts['inputs']}"
            (Path(tempfile.gettempdir()) / name).write_bytes(data)
        failures[outcome] = failures.get(outcome, 0) + 1

    def _write(self, data: bytes) -> None:
        self.report.with_name("last").write_bytes(data)
        self.report.write_text(json.dumps(self.counts))


def main(reader: str, inputs: int, seed: int, report: Path) -> None:
    """Feeds one reader; never returns."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    home = report.parent  # a temporary folder
    with atheris.instrument_imports(include=["gan_tf"]):
        target = READERS[reader](home)
        seeds = target.seeds()
        attempt(target, seeds[0])  # imports what the reader imports late
    corpus = home / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds):
        (corpus / str(number)).write_bytes(content)
    tracemalloc.start()
    longest = 1 << (16 if reader in LARGE else 12)
    options = [f"-seed={seed}", f"-max_len={longest}", "-rss_limit_mb=0"]
    options += ["-len_control=0", "-timeout=86400", f"-artifact_prefix={home}/"]
    feed = Feed(reader, inputs, target, report)
    atheris.Setup([sys.argv[0], *options, str(corpus)], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
