"""Three learning rates, compared in TensorBoard's HParams.

    python examples/sweep.py --epochs 3000 --data_dir data/mnist --runs runs/sweep
    tensorboard --logdir runs/sweep

The tab HParams then has a row for each run, with its learning rate, its last losses and
its Frechet distance (`evaluation/mnist_frechet_distance`). A run whose samples still
have a Frechet distance over --give_up at half the steps is stopped there.
"""

import argparse
import json
from pathlib import Path

import gan_tf
from gan_tf import evaluate

RATES = (2e-4, 2e-3, 2e-2)
DISTANCE = "health/frechet_distance"  # of 1000 samples, with every sample grid


def main() -> None:
    """Trains and scores the runs, one after the other, and prints a table."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--runs", type=Path, default=Path("runs/sweep"))
    flags.add_argument("--epochs", type=int, default=3000)
    flags.add_argument("--data_dir", default="")
    flags.add_argument("--give_up", type=float, default=100.0)
    values = flags.parse_args()

    def on_log(step: int, metrics: dict[str, float]) -> None:
        if step >= values.epochs / 2 and metrics.get(DISTANCE, 0.0) > values.give_up:
            raise gan_tf.StopTraining

    print("learning rate  steps  Frechet distance")
    for rate in RATES:
        run_dir = values.runs / f"{rate:g}"
        config = gan_tf.Config(
            learning_rate=rate,
            epochs=values.epochs,
            decay_steps=values.epochs,
            data_dir=values.data_dir,
        )
        gan = gan_tf.train(config, run_dir, progress=False, on_log=on_log)
        distance = score(run_dir)
        print(f"{rate:13g}  {int(gan.step):5}  {distance:16.2f}", flush=True)


def score(run_dir: Path) -> float:
    """Scores a run as the command does, which also writes to TensorBoard."""
    command = [f"--run_dir={run_dir}", "--json"]
    evaluate.main(evaluate.parser().parse_args(command))
    results = json.loads((run_dir / "evaluation.json").read_text())["results"]
    return next(iter(results.values()))["mnist_frechet_distance"]


if __name__ == "__main__":
    main()
