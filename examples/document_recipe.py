"""The tutorial's recipe beside the default one: samples and loss curves in one picture.

    python examples/document_recipe.py --epochs 30000

Both runs have the same networks, batches and number of steps. The tutorial's recipe,
its losses corrected and nothing else, drifts to few kinds of digits; the default keeps
all ten.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from gan_tf import Config, load_generator, train
from gan_tf.gan.sampling import sample
from gan_tf.images import grid
from gan_tf.storage.curves import read_curves


def main() -> None:
    """Trains both recipes (or finds them trained) and plots them side by side."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--runs", default="runs", help="folder of the two runs")
    flags.add_argument("--epochs", type=int, default=Config.epochs)
    flags.add_argument("--dataset", default=Config.dataset)
    flags.add_argument("--data_dir", default=Config.data_dir)
    flags.add_argument("--out", default="document_recipe.png")
    values = flags.parse_args()

    figure = Figure(figsize=(11, 9), layout="constrained")
    columns = figure.subplots(2, 2, height_ratios=(2, 1)).T
    for recipe, (images, curves) in zip(("document", "default"), columns):
        run_dir = Path(values.runs) / recipe
        config = Config.recipe(
            recipe,
            epochs=values.epochs,
            dataset=values.dataset,
            data_dir=values.data_dir,
        )
        train(config, run_dir)
        draw_samples(images, run_dir, f"--recipe {recipe}, {config.epochs} steps")
        draw_curves(curves, run_dir)
    figure.savefig(values.out, dpi=100)
    print(f"wrote {values.out}")


def draw_samples(axes, run_dir: Path, title: str) -> None:
    """100 samples of a run."""
    images = sample(load_generator(run_dir), seed=0, count=100)
    axes.imshow(grid(images), cmap="gray", vmin=0, vmax=255)
    axes.set(title=title, xticks=(), yticks=())


def draw_curves(axes, run_dir: Path) -> None:
    """Both losses of a run."""
    curves = read_curves(run_dir)
    for tag in ("d_loss", "g_loss"):
        axes.plot(*curves[tag], label=tag, linewidth=0.8)
    axes.set(xlabel="step", ylabel="nats", ylim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()
