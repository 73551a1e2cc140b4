"""How long the step that XLA compiles stays with the plain one.

    python benchmarks/agreement.py

Both train on the same drawn digits for 1000 steps, batch 32. Printed is the larger of
the relative differences of the two losses, means over 50 steps, at so many steps; and
below it that of the plain step and itself, begun from weights a rounding away: what no
step could better.
"""

import numpy as np
import tensorflow as tf

from gan_tf import Config
from gan_tf.data.strokes import draw_digits
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import compile_train_steps

CALL, CALLS, BATCH = 50, 20, 32
SHOWN = (50, 200, 500, 750, 1000)


def main() -> None:
    """Prints the table."""
    images, _ = draw_digits(2000, seed=1)
    random = np.random.default_rng(0)
    rows = random.integers(0, len(images), (CALL, BATCH))
    chunk = tf.constant(images.reshape(-1, 28 * 28)[rows])
    print(f"| hidden units, recipe, beside plain | {' | '.join(map(str, SHOWN))} |")
    print("| --- |" + " --- |" * len(SHOWN))
    for units in ((16,), (64,), Config.generator_units):
        for recipe in ("document", "default"):
            options = {"generator_units": units, "discriminator_units": units[::-1]}
            config = Config.recipe(recipe, **options)
            plain = losses(config, chunk)
            for name, others in (
                ("XLA", losses(config, chunk, jit_compile=True)),
                ("a rounding", losses(config, chunk, nudged=True)),
            ):
                apart = np.abs(others / plain - 1).max(axis=1)
                cells = [f"{apart[step // CALL - 1]:.0e}" for step in SHOWN]
                print(
                    f"| {units}, {recipe}, {name} | {' | '.join(cells)} |", flush=True
                )


def losses(
    config: Config, chunk: tf.Tensor, jit_compile: bool = False, nudged: bool = False
) -> np.ndarray:
    """Mean d_loss and g_loss of each call, `[CALLS, 2]`."""
    gan = build_gan(config)
    if nudged:
        for network in (gan.generator, gan.discriminator):
            weights = network.get_weights()
            network.set_weights([np.nextafter(w, np.float32(np.inf)) for w in weights])
    call = compile_train_steps(gan, config.seed, jit_compile)
    sums = [call((chunk, None), 0, CALL) for _ in range(CALLS)]
    return np.array([[float(s["d_loss"]), float(s["g_loss"])] for s in sums]) / CALL


if __name__ == "__main__":
    main()
