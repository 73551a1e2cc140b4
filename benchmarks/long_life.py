"""A long run: whether it keeps its memory, its files and its speed.

    python benchmarks/long_life.py
    python benchmarks/long_life.py --steps 20000 --out short.json -- --data_dir DIR

Runs the real command for 200000 steps of small networks, with frequent points, sample
grids and checkpoints, and watches it meanwhile. What follows `--` goes to the command;
on MNIST a probe follows every sample grid. Writes `long_life.json` and prints it:
resident memory in MB and steps per second for each twentieth of the run, and the number
of files and bytes that the run directory has in the end. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLAGS = {
    "latent_dim": 8,
    "generator_units": 16,
    "discriminator_units": 16,
    "batch_size": 8,
    "log_every": 100,
    "sample_every": 500,
    "save_every": 500,
}


def main() -> None:
    """Runs the command, watches it and reports."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--steps", type=int, default=200_000)
    flags.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("long_life.json")
    )
    flags.add_argument("rest", nargs="*", help="flags for the command, after --")
    values = flags.parse_args()
    if values.steps < 4000:
        flags.error("--steps must be at least 4000: a point each 100, in 20 parts")
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        seen = watch([*command(values.steps, run_dir), *values.rest])
        files = [path for path in run_dir.rglob("*") if path.is_file()]
        sizes = {
            part: sum(p.stat().st_size for p in files if part in p.parts)
            for part in ("checkpoints", "samples", "tensorboard")
        }
        content = {"steps": values.steps, "flags": FLAGS, **report(seen, values.steps)}
        content |= {"files": len(files), "bytes": sizes}
    values.out.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


def command(steps: int, run_dir: Path) -> list[str]:
    """The real command."""
    flags = [f"--{name}={value}" for name, value in FLAGS.items()]
    module = [sys.executable, "-m", "gan_tf.train", f"--run_dir={run_dir}"]
    return [*module, f"--epochs={steps}", *flags]


def watch(arguments: list[str]) -> list[tuple[int, float, float]]:
    """Step, seconds and resident MB at every line of progress."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    seen = []
    for line in process.stdout:
        words = line.split()
        if words[0] == "step" and words[2] == "of":
            seen.append((int(words[1]), time.monotonic(), resident(process.pid)))
    if process.wait():
        raise SystemExit(f"the run ended with code {process.returncode}")
    return seen


def resident(pid: int) -> float:
    """A process's resident memory in MB; 0 once it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def report(seen: list[tuple[int, float, float]], steps: int) -> dict:
    """Memory and speed over the run, and how much memory grew."""
    memory, speed = [], []
    for part in range(20):
        inside = [x for x in seen if part * steps < 20 * x[0] <= (part + 1) * steps]
        memory.append(round(statistics.median(x[2] for x in inside if x[2]), 1))
        duration = inside[-1][1] - inside[0][1]
        speed.append(round((inside[-1][0] - inside[0][0]) / duration, 1))
    growth = memory[-1] / memory[1] - 1  # the first twentieth warms up
    return {
        "memory_mb": memory,
        "growth_after_the_first_twentieth": round(growth, 5),
        "steps_per_second": speed,
    }


if __name__ == "__main__":
    main()
