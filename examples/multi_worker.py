"""The same training run in one process and shared by several, as on a cluster.

    python examples/multi_worker.py --workers 2

Starts N workers of the real train command on this machine, each with the TF_CONFIG that
a cluster manager would give it, and compares their run with that of one process. The
losses agree to the last digits at first. Later they part, as any two runs do whose sums
are rounded differently (with and without XLA, say): GAN training amplifies everything.
With small networks (`--units 8`) they stay together for hundreds of steps.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from gan_tf.storage.curves import read_curves
from gan_tf.training.devices import local_cluster


def main() -> None:
    """Trains both ways and prints the losses side by side."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--workers", type=int, default=2)
    flags.add_argument(
        "--units", type=int, help="of all hidden layers, to try it small"
    )
    flags.add_argument("--epochs", type=int, default=100)
    flags.add_argument("--batch_size", type=int, default=120)
    flags.add_argument("--data_dir", help="default: the built-in strokes")
    flags.add_argument("--runs", default="runs/multi_worker", metavar="DIR")
    values = flags.parse_args()
    options = {
        "epochs": values.epochs,
        "batch_size": values.batch_size,
        "log_every": max(1, values.epochs // 10),
        "jit_compile": "false",  # has no effect on several workers: the same for one
        "generator_units": values.units,
        "discriminator_units": values.units,
        "dataset": None if values.data_dir else "strokes",
        "data_dir": values.data_dir,
    }
    arguments = [f"--{name}={value}" for name, value in options.items() if value]
    curves = []
    for workers in (1, values.workers):
        run_dir = Path(values.runs) / f"workers-{workers}"
        begun = time.monotonic()
        train(workers, [f"--run_dir={run_dir}", *arguments])
        print(f"{workers} workers: {time.monotonic() - begun:.0f} s with the start")
        curves.append(read_curves(run_dir)["d_loss"])
    print("step, d_loss of 1 worker, relative difference")
    for step, one, many in zip(curves[0][0], *(losses for _, losses in curves)):
        print(f"{step:6d} {one:.6f} {abs(many - one) / one:.1e}")


def train(workers: int, arguments: list[str]) -> None:
    """Runs the train command as a cluster of so many workers, to its end."""
    command = [sys.executable, "-m", "gan_tf.train", *arguments]
    processes = [
        subprocess.Popen(command, env=os.environ | environment)
        for environment in local_cluster(workers)
    ]
    codes = [process.wait() for process in processes]  # of all, also after a failure
    if any(codes):
        sys.exit("a worker failed")


if __name__ == "__main__":
    main()
