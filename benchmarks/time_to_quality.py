"""How long from the start of a command to good samples: gan_tf and other people's GANs.

    pip install -e '.[bench]'
    python benchmarks/time_to_quality.py --data_dir DIR
    python benchmarks/time_to_quality.py --data_dir DIR --minutes 2.5 --sides SIDE...
    python benchmarks/time_to_quality.py --chart

Each side is a command in a process of its own: imports, loading and compilation count,
making and scoring samples does not. gan_tf's sides are its command, whose checkpoints
are scored at the time at which they appeared; the others (`quality/`) write samples at
growing intervals. The sides take turns, seed by seed; nothing else should run. 10000
samples are scored by the classifier that comes with the package. Writes
`time_to_quality.json` after each run, skips what it has, and at the end draws a chart
beside it and prints a table.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gan_tf.environment import quiet_tensorflow

HERE = Path(__file__).parent
RESULTS = Path(__file__).with_suffix(".json")
LEVELS = (8, 4, 2, 1, 0.5, 0.25)

# gan_tf's flags.
COMMANDS = {
    "gan_tf --recipe fast": "--recipe fast --epochs 10000 --save_every 400",
    "gan_tf --recipe fast, without labels": "--recipe fast --conditional false "
    "--epochs 10000 --save_every 400",
    "gan_tf": "--save_every 1000",
    "gan_tf --conditional true": "--conditional true --save_every 1000",
    "the tutorial (--recipe document)": "--recipe document --save_every 1000",
}
PEERS = {
    "dense GAN, PyTorch": "dense_pytorch",
    "DCGAN, TensorFlow's tutorial": "dcgan_tensorflow",
    "conditional GAN, Keras's examples": "conditional_keras",
}


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--data_dir", default="", help="where MNIST lies")
    flags.add_argument("--minutes", type=float, default=5, help="at most, for a run")
    flags.add_argument("--seeds", nargs="*", type=int, default=(0, 1, 2))
    flags.add_argument("--sides", nargs="*", choices=COMMANDS | PEERS, metavar="SIDE")
    flags.add_argument("--out", type=Path, default=RESULTS, metavar="JSON")
    flags.add_argument("--chart", action="store_true", help="only draw and print")
    values = flags.parse_args()
    if not values.chart:
        measure(values)
    results = read(values.out)
    draw(results, values.out.with_suffix(".png"))
    print(table(results))


def measure(values: argparse.Namespace) -> None:
    """Runs what is missing, one side after another, and scores it."""
    score = scorer()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "mnist.npz")
        write_data(data, values.data_dir)
        for seed in values.seeds:
            for side in values.sides or COMMANDS | PEERS:
                results = read(values.out)
                seeds = results["sides"].setdefault(side, {})
                if str(seed) in seeds:
                    continue
                limit = 60 * values.minutes
                with tempfile.TemporaryDirectory(dir=folder) as work:
                    if side in COMMANDS:
                        found = command(
                            COMMANDS[side], values.data_dir, Path(work), limit, seed
                        )
                    else:
                        found = peer(PEERS[side], data, Path(work), limit, seed)
                    points = [(at, score(samples)) for at, samples in found]
                seeds[str(seed)] = {"limit": limit, "points": points}
                results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
                values.out.write_text(json.dumps(results, indent=1) + "\n")
                best = min(points, key=lambda point: point[1], default=None)
                print(f"{side}, seed {seed}: best {best} of {len(points)}", flush=True)


def command(flags: str, data_dir: str, work: Path, limit: float, seed: int):
    """Runs gan_tf's command; samples, with the seconds after which they were there."""
    run, kept = work / "run", work / "kept"
    started = time.time()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gan_tf.train", *flags.split()),
            *("--run_dir", run, "--data_dir", data_dir),
            *("--seed", str(seed), "--health", "false"),
        ],
        stdout=subprocess.DEVNULL,
        # Each compiles its program, whatever seed came before.
        env=os.environ | {"XDG_CACHE_HOME": str(work / "cache")},
    )
    appeared = {}
    while process.poll() is None and time.time() - started < limit:
        time.sleep(0.1)
        keep(run, kept, appeared)
    if process.poll() is None:
        process.kill()
    if process.wait() > 0:
        raise SystemExit(f"the command failed: {flags}")
    keep(run, kept, appeared)
    from gan_tf.gan.sampling import sample
    from gan_tf.storage.checkpoints import trained

    for generation in trained(kept):
        if generation.step:
            at = appeared[generation.step] - started
            yield at, sample(generation.generator, seed=0, count=10000)


def keep(run: Path, kept: Path, appeared: dict[int, float]) -> None:
    """Links new checkpoints into a folder where the run does not remove them."""
    for folder in run.glob("checkpoints/step-*"):
        step = int(folder.name.removeprefix("step-"))
        if step in appeared:
            continue
        appeared[step] = folder.stat().st_mtime
        copy = kept / "checkpoints" / folder.name
        copy.mkdir(parents=True)
        for file in folder.iterdir():
            os.link(file, copy / file.name)
        if not (kept / "config.json").exists():
            os.link(run / "config.json", kept / "config.json")


def peer(name: str, data: Path, work: Path, limit: float, seed: int):
    """Runs a program of `quality/`; its samples with their seconds of training."""
    arguments = [data, work, time.time(), limit, seed]
    subprocess.run(
        [sys.executable, HERE / "quality" / f"{name}.py", *map(str, arguments)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for path in sorted(work.glob("*.npy"), key=lambda path: float(path.stem)):
        yield float(path.stem), np.load(path, allow_pickle=False)


def scorer():
    """A function from samples to their Frechet distance."""
    with quiet_tensorflow():
        from gan_tf.evaluation.classifier import classify, load_classifier
        from gan_tf.evaluation.metrics import frechet_distance, gaussian
    classifier = load_classifier()
    return lambda samples: frechet_distance(
        gaussian(classify(classifier, samples)[0]), classifier.real
    )


def write_data(path: Path, data_dir: str) -> None:
    """MNIST as one file for the peers."""
    from gan_tf.data import sources

    data = sources.load("mnist", data_dir)
    np.savez(path, images=data.images, labels=data.labels)


def read(path: Path) -> dict:
    """The results so far."""
    return json.loads(path.read_text()) if path.exists() else {"sides": {}}


def reached(points: list, level: float) -> float | None:
    """Seconds until the distance was first at most `level`; None if it never was."""
    return min((at for at, distance in points if distance <= level), default=None)


def cell(seeds: dict, level: float) -> str:
    """Mean and spread of the seconds to a level, as the table has it."""
    found = [reached(seed["points"], level) for seed in seeds.values()]
    times = [at for at in found if at is not None]
    if len(times) < len(found):
        longest = max(at for seed in seeds.values() for at, _ in seed["points"])
        limit = max(seed["limit"] for seed in seeds.values())
        ended = f"{longest:.0f} s" if longest < limit else f"{limit / 60:g} min"
        some = f" in {len(found) - len(times)} of {len(found)}" if times else ""
        return f"not in {ended}{some}"
    mean = f"{statistics.mean(times):.0f}"
    return mean if len(times) < 2 else f"{mean} &plusmn; {statistics.stdev(times):.0f}"


def table(results: dict) -> str:
    """Seconds to each level, a row for each side."""
    lines = [
        f"| seconds to a Fréchet distance of | {' | '.join(map(str, LEVELS))} |",
        "| --- |" + " --- |" * len(LEVELS),
    ]
    for side in COMMANDS | PEERS:
        if seeds := results["sides"].get(side):
            cells = [cell(seeds, level) for level in LEVELS]
            lines.append(f"| {side} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(results: dict, path: Path) -> None:
    """Distance over time, a line for each seed of each side."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    figure = Figure((9, 6), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log")
    for number, side in enumerate(COMMANDS | PEERS):
        for seed in results["sides"].get(side, {}).values():
            points = sorted(seed["points"])
            axes.plot(
                *zip(*points),
                color=f"C{number}",
                linestyle="-" if side in COMMANDS else "--",
                linewidth=1.2,
                label=side,
            )
    for level in LEVELS:
        axes.axhline(level, color="0.85", linewidth=0.8, zorder=0)
    for axis, ticks in (
        (axes.xaxis, (10, 20, 30, 50, 100, 150, 300)),
        (axes.yaxis, (*LEVELS, 20, 50, 100, 200)),
    ):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles))  # one entry for the three seeds
    axes.legend(unique.values(), unique, fontsize=8, loc="lower left")
    axes.set_xlabel("seconds since the command was started, two CPU cores")
    axes.set_ylabel("Fréchet distance of 10000 samples (real data: 0.069)")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
