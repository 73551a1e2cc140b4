"""The recipe studies, up to three seeds a row: to the default, and the objectives.

    python benchmarks/recipes.py --data_dir DIR --classifiers 1.npz 2.npz
    python benchmarks/recipes.py --data_dir DIR --study objectives
    python benchmarks/recipes.py --data_dir DIR --quick --out quick.json
    python benchmarks/recipes.py --time
    python benchmarks/recipes.py --tables

Trains each row of a study with each seed as a user would (`--work` holds the runs; what
`recipes.json` has is not done again), scores 10000 samples of each by the classifier
that comes with the package, for the Frechet distance also under others
(`train_classifier.py --seed 1`), and writes it to `recipes.json`. `--time` adds the
milliseconds of a step, all rows in turns, on what should be an idle machine. `--tables`
writes the tables of docs/results.md and BUILD_NOTES.md from that file.
"""

import argparse
import dataclasses
import functools
import json
import platform
import re
import statistics
import time
from pathlib import Path

from gan_tf import Config, train
from gan_tf.environment import quiet_tensorflow
from gan_tf.errors import UserError

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).with_name("recipes.json")

# Each row: what it is called, its recipe, and what it changes.
LADDER = {
    "document": ("document", {}),
    "sigmoid": ("document", {"output_activation": "sigmoid"}),
    "default at 2e-4": ("default", {"learning_rate": 2e-4}),
    "default": ("default", {}),
}
# Every objective with the default's R1 and without a penalty ("default" above is one of
# them); Wasserstein with its own penalty and five updates of D, for as many steps as
# take the time of the default's 30000; the default with labels, and their own recipe.
OBJECTIVES = {
    f"{name}{suffix}": ("default", {"objective": name, **changes})
    for name in ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein")
    for suffix, changes in {", R1": {}, ", no penalty": {"r1_weight": 0.0}}.items()
    if (name, suffix) != ("non_saturating", ", R1")
} | {
    "wasserstein, gradient penalty 10, k = 5": (
        "default",
        {
            "objective": "wasserstein",
            "r1_weight": 0.0,
            "gp_weight": 10.0,
            "d_steps": 5,
            "epochs": 6100,
            "decay_steps": 6100,
        },
    ),
    "with labels, R1 0.1 (`--recipe conditional`)": ("conditional", {}),
}
STUDIES = {"ladder": LADDER, "objectives": OBJECTIVES}
ROWS = LADDER | OBJECTIVES
SEEDS = (0, 1, 2)
SHOWN = {
    "mnist_frechet_distance": 3,
    "kernel_distance": 4,
    "precision": 3,
    "recall": 3,
    "density": 3,
    "coverage": 3,
    "parzen_log_likelihood": 1,
    "smallest_class_share": 3,
    "largest_class_share": 3,
    "nearest_training_distance": 2,
}
SHOWN_WITH_LABELS = (
    "label_accuracy",
    "classification_accuracy_score",
    "within_class_frechet_distance",
)
SHIPPED = "shipped classifier"
BEGIN, END = "<!-- made by benchmarks/recipes.py: {} -->\n", "<!-- end -->\n"


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--data_dir", default="", help="where MNIST lies")
    flags.add_argument("--classifiers", nargs="*", default=[], metavar="NPZ")
    flags.add_argument("--work", default="runs/recipes", help="where the runs are kept")
    flags.add_argument("--out", default=str(RESULTS), metavar="JSON")
    flags.add_argument("--study", choices=STUDIES, default="ladder")
    flags.add_argument("--rows", nargs="*", choices=ROWS, help="of any study")
    flags.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    flags.add_argument("--quick", action="store_true", help="300 steps, one seed")
    flags.add_argument("--time", action="store_true", help="milliseconds of a step")
    flags.add_argument("--tables", action="store_true", help="write the tables")
    values = flags.parse_args()
    if values.quick and Path(values.out) == RESULTS:
        flags.error("--quick needs another --out than the study's own file")
    if values.tables:
        write_tables(read(Path(values.out)))
        return
    rows = values.rows or list(STUDIES[values.study])
    if values.time:
        add_times(Path(values.out), rows)
        return
    shorter = {"epochs": 300} if values.quick else {}
    work = Path(values.work) / "quick" if values.quick else Path(values.work)
    score = scorer(values.data_dir, values.classifiers)
    for seed in values.seeds[:1] if values.quick else values.seeds:
        for row in rows:
            name, changes = ROWS[row]
            options = changes | shorter | {"seed": seed, "data_dir": values.data_dir}
            config = Config.recipe(name, **options)
            if done(read(Path(values.out)), row, config, seed):
                continue
            folder = re.sub("[^A-Za-z0-9_.]+", "-", row).strip("-")
            run_dir = work / f"{folder}-{seed}"
            try:
                train(config, run_dir)
            except UserError as error:
                if "infinite or NaN" not in str(error):
                    raise
                # A result too.
                add(Path(values.out), row, config, seed, str(error))
            else:
                add(Path(values.out), row, config, seed, score(run_dir))
    if values.study == "objectives":
        print(objectives_table(read(Path(values.out))))


def scorer(data_dir: str, paths: list[str]):
    """A function from a run directory to its metrics under every classifier."""
    with quiet_tensorflow():
        from gan_tf.data import sources
        from gan_tf.evaluation import scores
        from gan_tf.evaluation.classifier import load_classifier
        from gan_tf.gan import sampling
        from gan_tf.gan.models import takes_labels
        from gan_tf.storage import checkpoints
    classifiers = {SHIPPED: load_classifier()}
    classifiers |= {Path(path).stem: load_classifier(Path(path), "") for path in paths}
    train, test = (sources.load("mnist", data_dir, part) for part in ("train", "test"))
    real = scores.RealImages(train.images, test.images, train.labels, test.labels)

    def score(run_dir: Path) -> dict[str, dict]:
        generator = checkpoints.load_generator(run_dir)
        count = scores.samples_needed(labels=takes_labels(generator))
        labels = sampling.labels_in_turn(generator, count)
        images = sampling.sample(generator, 0, count, labels)
        return {
            name: {
                "sha256": classifier.digest,
                "real": classifier.real_scores,
                "metrics": scores.evaluate(
                    images,
                    classifier,
                    real if name == SHIPPED else None,
                    labels=labels,
                ).metrics,
            }
            for name, classifier in classifiers.items()
        }

    return score


def read(path: Path) -> dict:
    """The results so far."""
    if not path.exists():
        return {"classifiers": {}, "rows": {}}
    return json.loads(path.read_text())


def shaping(config: Config) -> dict:
    """What makes a row: the options that shape a run, but for the seed.

    Options that joined later are left out where they change nothing.
    """
    shaping = {
        field.name: value
        for field in dataclasses.fields(config)
        if field.metadata.get("shapes_run", True)
        and field.name != "seed"
        and (value := getattr(config, field.name)) != field.metadata.get("value_before")
    }
    return json.loads(json.dumps(shaping)) | {"epochs": config.epochs}


def done(results: dict, row: str, config: Config, seed: int) -> bool:
    """Whether the results have this seed of this recipe."""
    entry = results["rows"].get(row, {})
    return entry.get("config") == shaping(config) and str(seed) in entry["seeds"]


def add(
    path: Path, row: str, config: Config, seed: int, scores: dict[str, dict] | str
) -> None:
    """Puts one run's metrics into the file, or why it ended early."""
    results = read(path)
    entry = results["rows"].get(row)
    if entry is None or entry["config"] != shaping(
        config
    ):  # another recipe: begin again
        entry = results["rows"][row] = {"config": shaping(config), "seeds": {}}
    found = entry["seeds"][str(seed)] = {}
    if isinstance(scores, str):
        found["failed"] = said = scores
    else:
        for name, content in scores.items():
            results["classifiers"][name] = {k: content[k] for k in ("sha256", "real")}
            found[name] = content["metrics"]
        said = f"{found[SHIPPED]['mnist_frechet_distance']:.4f}"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"{row}, seed {seed}: {said}", flush=True)


def add_times(path: Path, rows: list[str], rounds: int = 7, steps: int = 200) -> None:
    """Adds each row's milliseconds of a step: the median of rounds taken in turns.

    Rows without metrics yet are left out.
    """
    with quiet_tensorflow():
        import numpy as np
        import tensorflow as tf

        from gan_tf.gan.state import build_gan
        from gan_tf.gan.step import compile_train_steps
    results = read(path)
    rows = [row for row in rows if row in results["rows"]]
    calls, times = {}, {row: [] for row in rows}
    for row in rows:
        name, changes = ROWS[row]
        config = Config.recipe(name, **changes)
        shape, random = (50, config.d_steps * 128), np.random.default_rng(0)
        images = tf.constant(random.integers(0, 256, (*shape, 784), np.uint8))
        labels = tf.zeros(shape, tf.int32) if config.conditional else None
        gan = build_gan(config, classes=10)
        compiled = compile_train_steps(gan, 0, config.jit_compile)
        calls[row] = functools.partial(compiled, (images, labels), 0, 50)
        calls[row]()  # compiles
    for _ in range(rounds):
        for row, call in calls.items():
            begun = time.perf_counter()
            for _ in range(steps // 50):
                sums = call()
            float(sums["d_loss"])
            times[row].append((time.perf_counter() - begun) / steps * 1000)
    for row, values in times.items():
        results["rows"][row]["milliseconds"] = {
            "median": statistics.median(values),
            "least": min(values),
            "most": max(values),
        }
        print(f"{row}: {statistics.median(values):.2f} ms", flush=True)
    results["machine"] = f"{platform.machine()}, {platform.system()}"
    path.write_text(json.dumps(results, indent=1) + "\n")


def metrics_table(results: dict) -> str:
    """Every metric of every row, mean and standard deviation over the seeds."""
    rows = {name: results["rows"][name] for name in LADDER if name in results["rows"]}
    real = results["classifiers"][SHIPPED]["real"]
    lines = [
        f"| | real data | {' | '.join(rows)} |",
        "| --- |" + " --- |" * (len(rows) + 1),
    ]
    for metric, digits in SHOWN.items():
        cells = [
            spread(
                [s[SHIPPED][metric] for s in row["seeds"].values() if SHIPPED in s],
                digits,
            )
            for row in rows.values()
        ]
        lines.append(
            f"| `{metric}` | {real[metric]:.{digits}f} | {' | '.join(cells)} |"
        )
    times = [row.get("milliseconds", {}).get("median") for row in rows.values()]
    if any(times):
        cells = [f"{value:.1f}" if value else "" for value in times]
        lines.append(f"| milliseconds a step | | {' | '.join(cells)} |")
    return "\n".join(lines)


def classifiers_table(results: dict) -> str:
    """The Frechet distance of every row under every classifier."""
    rows = {name: results["rows"][name] for name in LADDER if name in results["rows"]}
    classifiers = results["classifiers"]
    metric, digits = "mnist_frechet_distance", 3
    lines = [
        f"| Frechet distance by | real data | {' | '.join(rows)} |",
        "| --- |" + " --- |" * (len(rows) + 1),
    ]
    for classifier, content in classifiers.items():
        cells = []
        for row in rows.values():
            found = [
                seed[classifier][metric]
                for seed in row["seeds"].values()
                if classifier in seed
            ]
            cells.append(spread(found, digits) if found else "")
        real_score = f"{content['real'][metric]:.{digits}f}"
        lines.append(f"| {classifier} | {real_score} | {' | '.join(cells)} |")
    return "\n".join(lines)


def objectives_table(results: dict) -> str:
    """A row for every objective, with the mean and spread of its main metrics."""
    shown = {name: SHOWN[name] for name in [*list(SHOWN)[:7], "largest_class_share"]}
    real = results["classifiers"][SHIPPED]["real"]
    lines = [
        f"| | {' | '.join(f'`{metric}`' for metric in shown)} |",
        "| --- |" + " --- |" * len(shown),
        "| real data | "
        + " | ".join(f"{real[metric]:.{digits}f}" for metric, digits in shown.items())
        + " |",
    ]
    for name in ("default", *OBJECTIVES):
        if row := results["rows"].get(name):
            seeds = [seed[SHIPPED] for seed in row["seeds"].values() if SHIPPED in seed]
            cells = [
                spread([seed[metric] for seed in seeds], digits)
                for metric, digits in shown.items()
            ]
            label = "non_saturating, R1 (default)" if name == "default" else name
            if failed := len(row["seeds"]) - len(seeds):
                label += f" ({failed} of {len(row['seeds'])} not finite)"
            lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def labels_table(results: dict) -> str:
    """The metrics that only rows with labels have."""
    rows = {
        name: [seed[SHIPPED] for seed in row["seeds"].values() if SHIPPED in seed]
        for name, row in results["rows"].items()
        if row["config"].get("conditional")
    }
    real = results["classifiers"][SHIPPED]["real"]
    lines = [
        f"| | real data | {' | '.join(rows)} |",
        "| --- |" + " --- |" * (len(rows) + 1),
    ]
    for metric in SHOWN_WITH_LABELS:
        cells = [spread([s[metric] for s in seeds], 3) for seeds in rows.values()]
        lines.append(f"| `{metric}` | {real[metric]:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


# Each table: its page, and what makes it.
TABLES = {
    "ladder": ("docs/results.md", metrics_table),
    "classifiers": ("BUILD_NOTES.md", classifiers_table),
    "objectives": ("docs/results.md", objectives_table),
    "labels": ("docs/results.md", labels_table),
}


def write_tables(results: dict) -> None:
    """Replaces the tables between the markers in docs/results.md and BUILD_NOTES.md."""
    for name, (page, table) in TABLES.items():
        path, begin = ROOT / page, BEGIN.format(name)
        before, rest = path.read_text().split(begin)
        after = rest.split(END, 1)[1]
        path.write_text(f"{before}{begin}{table(results)}\n{END}{after}")


def spread(values: list[float], digits: int) -> str:
    """Mean and standard deviation as text; empty without values."""
    if not values:
        return ""
    mean = f"{statistics.mean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} &plusmn; {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
