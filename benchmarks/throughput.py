"""Training speed, side by side: gan_tf, its peers, and what the machine can do.

    python benchmarks/throughput.py --data_dir DIR
    python benchmarks/throughput.py --dataset strokes --rounds 3 --seconds 1
    python benchmarks/throughput.py --only "gan_tf step" "JAX scan" --out quick.json
    python benchmarks/throughput.py --chart benchmarks/throughput.json --out x.png

Each side trains the tutorial's algorithm: the same networks, losses, two Adams, batches
of 128 images and new noise for each half, float32. Needs `pip install -e '.[bench]'`; a
side whose package is missing is reported as absent. Each side is a process of its own;
they take turns on the same cores (`turns.py`), and a number is the median of the
rounds, with the least and the most. `gan_tf.train` is the whole command, from its data
stream to its checkpoints at the default intervals; all others train on batches that lie
ready in memory and write nothing.

The limit is measured in the same turns (`limits.py`): the matrix multiplications of one
step and nothing else, by the fastest library here, and Adam's pass over all weights
and nothing else. Where there is a GPU all sides use it, without TF32; nothing else
changes.

Takes about 8 minutes on 2 cores. Writes JSON and, beside it, a bar chart as PNG.
"""

import argparse
import json
import tempfile
from pathlib import Path

import turns
from gan_tf import Config
from gan_tf.environment import quiet_tensorflow
from limits import ADAMS, MATMULS, matmuls
from peers import Problem
from turns import Side

TITLE = "the tutorial's algorithm"
TRAIN, STEP = "gan_tf.train", "gan_tf step"
SIDES = (
    Side(TRAIN, "gan_tf", ""),
    Side(STEP, "gan_tf", "peers.gan_tf_step"),
    Side("TensorFlow 1 session", "peer", "peers.session"),
    Side("Keras fit", "peer", "peers.keras_fit"),
    Side("Keras fit, XLA", "peer", "peers.keras_fit", {"jit_compile": True}),
    Side("tf.function", "peer", "peers.tf_function"),
    Side("tf.function, XLA", "peer", "peers.tf_function", {"jit_compile": True}),
    Side("PyTorch eager", "peer", "peers.pytorch", needs="torch"),
    Side("PyTorch compile", "peer", "peers.pytorch", {"compiled": True}, "torch"),
    Side("JAX jit", "peer", "peers.jax_optax", needs="jax"),
    Side("JAX scan", "peer", "peers.jax_optax", {"steps_per_call": 50}, "jax"),
)
_BATCHES = 250  # in each side's memory; a multiple of the steps in a call
_NEEDS = {"xla": "tensorflow"}
LIMITS = tuple(
    Side(
        f"{part}: {library}",
        part,
        "limits",
        {"library": library, "part": part},
        _NEEDS.get(library, library),
    )
    for part, libraries in (("matmul", MATMULS), ("adam", ADAMS))
    for library in libraries
)


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    turns.add_flags(flags, [*SIDES, *LIMITS], "runs/throughput.json")
    flags.add_argument(
        "--chart",
        metavar="JSON",
        help="only the chart of stored results, in --out",
    )
    values = flags.parse_args()
    if values.chart:
        stored = json.loads(Path(values.chart).read_text())
        draw(stored, Path(values.out).with_suffix(".png"), TITLE)
        return
    report = measured(Config.recipe("document"), [*SIDES, *LIMITS], values)
    report["limit"] = limit(report)
    write(report, Path(values.out), TITLE)


def measured(config: Config, sides: list[Side], values: argparse.Namespace) -> dict:
    """The report of one run of `sides`, without a limit."""
    if values.only:
        sides = [side for side in sides if side.name in values.only]
    with tempfile.TemporaryDirectory() as folder:
        problem, data = problem_of(config, values)
        problem.write(Path(folder))
        source = ["--data_dir", values.data_dir] if values.data_dir else []
        recipe = "default" if config == Config() else "document"
        train_flags = ["--dataset", data, "--recipe", recipe, *source]
        protocol = values.rounds, values.seconds, values.steps
        results = turns.measure(sides, Path(folder), train_flags, *protocol)
    return {
        "command": turns.command(values.data_dir),
        "data": data,
        "machine": turns.machine(),
        "seconds of a turn": values.seconds,
        "steps of a turn": values.steps,
        "flops of a step": sum(matmul.flops for matmul in matmuls(problem)),
        "steps per second": results,
    }


def problem_of(config: Config, values: argparse.Namespace) -> tuple[Problem, str]:
    """What all sides train on, and the data's name."""
    with quiet_tensorflow():
        from gan_tf.data import sources
    images = sources.load(values.dataset, values.data_dir)
    size = config.batch_size
    count = min(_BATCHES, len(images.images) // size)
    batches = images.images[: count * size].reshape(count, size, -1)
    return Problem(config, batches), images.name


def limit(report: dict) -> dict | None:
    """The fastest matmuls, the fastest Adam, and the two one after the other."""
    results = report["steps per second"]
    fastest = [turns.best(results, part) for part in ("matmul", "adam")]
    if None in fastest:
        return None
    milliseconds = [1000 / results[name]["median"] for name in fastest]
    return {
        "matmul": {"by": fastest[0], "milliseconds": milliseconds[0]},
        "adam": {"by": fastest[1], "milliseconds": milliseconds[1]},
        "gigaflops": report["flops of a step"] / milliseconds[0] / 1e6,
        "steps per second": 1000 / sum(milliseconds),
    }


def write(report: dict, path: Path, title: str) -> None:
    """Writes JSON and chart, and prints the table."""
    results = report["steps per second"]
    report["ratios"] = {
        name: {
            side: found
            for side in results
            if side != name and (found := turns.ratio(results, name, side))
        }
        for name in (TRAIN, STEP)
        if "median" in results.get(name, {})
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    draw(report, path.with_suffix(".png"), title)
    print(table(report))
    print(f"wrote {path} and {path.with_suffix('.png')}")


def table(report: dict) -> str:
    """The report as a Markdown table, with a line on the limit."""
    lines = [
        f"| | steps/s | least to most | {STEP} is | {TRAIN} is |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, result in report["steps per second"].items():
        if "absent" in result:
            lines.append(f"| {name} | absent: {result['absent']} | | | |")
            continue
        cells = [
            f"{result['median']:.1f}",
            "{least:.1f} to {most:.1f}".format(**result),
        ]
        for mine in (STEP, TRAIN):
            found = report["ratios"].get(mine, {}).get(name)
            cells.append(
                "{median:.2f} ({least:.2f} to {most:.2f}) times".format(**found)
                if found
                else ""
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    bound = report.get("limit")
    if bound:
        lines.append(
            f"\nThe limit: {bound['matmul']['milliseconds']:.2f} ms "
            f"({bound['matmul']['by']}, {bound['gigaflops']:.0f} GFLOP/s) + "
            f"{bound['adam']['milliseconds']:.2f} ms ({bound['adam']['by']}) = "
            f"{bound['steps per second']:.1f} steps/s."
        )
        for name in (STEP, TRAIN):
            if "median" in report["steps per second"].get(name, {}):
                speed = report["steps per second"][name]["median"]
                share = speed / bound["steps per second"]
                lines.append(f"{name} runs at {share:.2f} of it.")
    return "\n".join(lines)


def draw(report: dict, path: Path, title: str) -> None:
    """Steps per second of gan_tf and its peers as bars, the limit as a line."""
    from matplotlib.figure import Figure

    bars = {
        name: result
        for name, result in report["steps per second"].items()
        if result["kind"] in ("gan_tf", "peer")
    }
    figure = Figure(figsize=(8, 1.4 + 0.4 * len(bars)), layout="constrained")
    axes = figure.subplots()
    for row, result in enumerate(bars.values()):
        if "absent" in result:
            axes.text(0, row, " absent", va="center", color="grey")
            continue
        median = result["median"]
        reach = [[median - result["least"]], [result["most"] - median]]
        color = "tab:orange" if result["kind"] == "gan_tf" else "tab:blue"
        axes.barh(row, median, color=color, xerr=reach, ecolor="black", capsize=3)
        axes.text(0, row, f" {median:.0f}", va="center", color="white")
    axes.set_yticks(range(len(bars)), list(bars))
    axes.invert_yaxis()
    if report.get("limit"):
        bound = report["limit"]["steps per second"]
        label = "matrix multiplications and Adam alone"
        axes.axvline(bound, color="grey", linestyle="--", label=label)
        figure.legend(loc="outside lower right")
    where = "{processor}, cores: {cores}".format(**report["machine"])
    axes.set(
        xlabel="training steps per second (median, least, most)",
        title=f"{title}, {report['data']}, {where}",
    )
    axes.title.set_fontsize(10)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
