"""The fused Adam is Keras's Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.gan.adam import FusedAdam
from gan_tf.gan.state import build_gan


def trained(adam, rate):
    """Two variables after 20 steps."""
    random = np.random.default_rng(0)
    shapes = (3, 4), (5,)
    variables = [keras.Variable(random.normal(size=s), dtype="float32") for s in shapes]
    optimizer = adam(rate(), 0.5)
    optimizer.build(variables)
    for _ in range(20):
        gradients = [random.normal(size=v.shape).astype(np.float32) for v in variables]
        optimizer.apply([tf.constant(gradient) for gradient in gradients], variables)
    return variables


@pytest.mark.parametrize(
    "rate",
    [lambda: 0.03, lambda: keras.optimizers.schedules.CosineDecay(0.03, 15)],
    ids=["constant", "cosine"],
)
def test_it_is_the_adam_of_keras(rate):
    ours, theirs = trained(FusedAdam, rate), trained(keras.optimizers.Adam, rate)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "adam"),
    [("float32", keras.optimizers.Adam), ("mixed_bfloat16", FusedAdam)],
)
def test_the_steps_that_xla_does_not_compile_take_it(precision, adam):
    gan = build_gan(Config(precision=precision, generator_units=(2,)))
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert type(optimizer) is adam
