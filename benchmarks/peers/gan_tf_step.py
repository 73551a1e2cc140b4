"""gan_tf's own step, without the rest of `gan_tf.train`: chunks lie ready in memory."""

import itertools

import tensorflow as tf

from gan_tf.config import Config
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import compile_train_steps
from peers import Problem, Program


def build(problem: Problem, recipe: str = "") -> Program:
    """The compiled call of the package; `run` takes multiples of steps_per_call.

    Args:
        recipe: in place of the problem's, if given.
    """
    config = Config.recipe(recipe) if recipe else problem.config
    gan = build_gan(config)
    for network, weights in zip((gan.generator, gan.discriminator), problem.weights()):
        network.set_weights(weights)
    size = config.steps_per_call
    train_steps = compile_train_steps(gan, config.seed, config.jit_compile)
    chunks = itertools.cycle(
        tf.constant(problem.batches[start : start + size])
        for start in range(0, len(problem.batches) - size + 1, size)
    )

    def run(steps):
        for _ in range(steps // size):
            sums = train_steps((next(chunks), None), 0, size)
        return float(sums["d_loss"]) / size, float(sums["g_loss"]) / size

    return Program(run)
