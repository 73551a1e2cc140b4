"""What a second worker buys: steps per second of one and of several local workers.

    python benchmarks/workers.py --workers 2

Each worker is a process of the real train command on a core of its own, with the
TF_CONFIG of a local cluster, on the built-in strokes. The batch of a step is shared, so
the best that N workers can do is N times the steps per second of one. Prints the table,
and by arithmetic alone what larger clusters would do; writes `workers.json`.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from gan_tf import build_discriminator, build_generator
from gan_tf.storage.curves import read_curves
from gan_tf.training.devices import local_cluster

RESULTS = Path(__file__).with_name("workers.json")
OPERATIONS = 1.45e9  # of a step of 128 images without R1
# On paper: replicas, operations/s of each, bytes/s between two, seconds a message.
CLUSTERS = {
    "8 GPUs, NVLink": (8, 20e12, 200e9, 5e-6),
    "64 machines, 25 Gbit/s": (64, 200e9, 25e9 / 8, 50e-6),
}
POINTS = 6  # of the curve; the first, with the compilation in it, does not count


def main() -> None:
    """Measures every batch size with one and with all workers."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--workers", type=int, default=2)
    flags.add_argument("--batches", type=int, nargs="+", default=[128, 512, 2048, 8192])
    flags.add_argument("--seconds", type=float, default=4.0, help="a point, about")
    flags.add_argument("--out", default=str(RESULTS), metavar="JSON")
    values = flags.parse_args()
    networks = build_generator(), build_discriminator()
    gradients = 4 * sum(network.count_params() for network in networks)
    print(f"a step exchanges {gradients / 1e6:.1f} MB of gradients; on paper:")
    for name, cluster in CLUSTERS.items():
        exchange, compute = on_paper(gradients, *cluster)
        half = 128 * exchange / compute
        print(
            f"{name}: {exchange * 1e3:.2f} ms a step to exchange, "
            f"{compute * 1e3:.3f} ms x batch / 128 to compute: exchange is a half "
            f"of the time at batch {half:.0f}, a fifth at {4 * half:.0f}"
        )
    print("| batch | steps/s, 1 worker | steps/s, all | speed-up | efficiency |")
    print("| --- | --- | --- | --- | --- |")
    rows = []
    for batch in values.batches:
        # About 40 steps of 128 a second and core.
        steps = max(2, round(values.seconds * 40 * 128 / batch))
        one, many = (rate(n, batch, steps) for n in (1, values.workers))
        row = {"batch": batch, "one": one, "all": many, "workers": values.workers}
        rows.append(row | {"efficiency": many / one / values.workers})
        print(
            f"| {batch} | {one:.2f} | {many:.2f} | {many / one:.2f} | "
            f"{many / one / values.workers:.0%} |",
            flush=True,
        )
    content = {"bytes": gradients, "rows": rows}
    Path(values.out).write_text(json.dumps(content, indent=1) + "\n")


def on_paper(
    gradients: int, replicas: int, operations: float, bandwidth: float, latency: float
) -> tuple[float, float]:
    """Seconds of a step to exchange gradients, and to compute 128 images, shared.

    A ring of all-reduce moves 2 (N - 1) / N of the bytes through each link in
    2 (N - 1) messages, once for each of the two networks.
    """
    others = replicas - 1
    moved = 2 * others / replicas * gradients / bandwidth
    return moved + 2 * 2 * others * latency, OPERATIONS / operations / replicas


def rate(workers: int, batch: int, steps: int) -> float:
    """The median of the run's own steps per second, its first point left out."""
    cores = itertools.cycle(sorted(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "gan_tf.train", "--run_dir", folder),
            *("--dataset", "strokes", "--batch_size", str(batch)),
            *("--epochs", str(POINTS * steps), "--log_every", str(steps)),
            *("--steps_per_call", str(min(50, steps)), "--jit_compile", "false"),
            *("--sample_every", "1000000", "--save_every", "1000000"),
        ]
        processes = [
            subprocess.Popen(
                command,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
            )
            for environment, core in zip(local_cluster(workers), cores)
        ]
        codes = [process.wait() for process in processes]
        if any(codes):
            sys.exit("a worker failed")
        rates = read_curves(Path(folder))["steps_per_second"][1]
    return statistics.median(rates[1:])


if __name__ == "__main__":
    main()
