"""JAX with optax: pure functions, a state that is handed on; `jit` or `lax.scan`."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from peers import EPSILON, LAST_RATE, Problem, Program


class State(NamedTuple):
    """Everything that training changes."""

    generator: Any
    discriminator: Any
    g_optimizer: Any
    d_optimizer: Any
    average: Any
    step: jax.Array
    key: jax.Array


def build(problem: Problem, steps_per_call: int = 1) -> Program:
    """Both recipes; `lax.scan` over the steps of a call where there are several."""
    config = problem.config
    squash = jax.nn.sigmoid if config.output_activation == "sigmoid" else lambda x: x

    def generate(weights, noise):
        return squash(network(weights, noise))

    def discriminator_loss(weights, real, fake, step):
        real_logits, fake_logits = jnp.split(
            network(weights, jnp.concatenate([real, fake])), 2
        )
        loss = cross_entropy(real_logits, 1.0) + cross_entropy(fake_logits, 0.0)
        objective = loss
        if config.r1_weight:
            objective += jax.lax.cond(
                step % config.r1_every == 0, penalty, lambda *_: 0.0, weights, real
            )
        return objective, loss

    def penalty(weights, real):
        slope = jax.grad(lambda x: network(weights, x).sum())(real)
        return config.r1_every * config.r1_weight / 2 * (slope**2).sum(1).mean()

    def generator_loss(weights, discriminator, noise):
        return cross_entropy(network(discriminator, generate(weights, noise)), 1.0)

    d_adam = adam(config.learning_rate, config)
    g_adam = adam(config.rate_ratio * config.learning_rate, config)

    def learn(state, real, noise):
        fake = generate(state.generator, noise[0])
        gradients, d_loss = jax.grad(discriminator_loss, has_aux=True)(
            state.discriminator, real, fake, state.step
        )
        updates, d_optimizer = d_adam.update(gradients, state.d_optimizer)
        discriminator = optax.apply_updates(state.discriminator, updates)

        g_loss, gradients = jax.value_and_grad(generator_loss)(
            state.generator, discriminator, noise[1]
        )
        updates, g_optimizer = g_adam.update(gradients, state.g_optimizer)
        generator = optax.apply_updates(state.generator, updates)

        average = state.average
        if config.ema_decay:
            decay = jnp.minimum(config.ema_decay, (1 + state.step) / (4 + state.step))
            average = optax.incremental_update(generator, average, 1 - decay)
        state = State(
            generator,
            discriminator,
            g_optimizer,
            d_optimizer,
            average,
            state.step + 1,
            state.key,
        )
        return state, (d_loss, g_loss)

    def train_step(state, real):
        key, draw = jax.random.split(state.key)
        noise = jax.random.normal(draw, problem.noise_shape)
        return learn(state._replace(key=key), real, noise)

    @functools.partial(jax.jit, donate_argnums=0)
    def train_steps(state, chunk):
        return jax.lax.scan(train_step, state, chunk)

    state = first_state(problem, g_adam, d_adam)
    batches = problem.unit_batches()
    if steps_per_call == 1:
        call = jax.jit(train_step, donate_argnums=0)
    else:
        call = train_steps
        batches = batches[: len(batches) // steps_per_call * steps_per_call]
        batches = batches.reshape(-1, steps_per_call, *batches.shape[1:])
    pieces = itertools.cycle([jnp.asarray(piece) for piece in batches])
    given = jax.jit(learn)

    def run(steps):
        nonlocal state
        for _ in range(steps // steps_per_call):
            state, losses = call(state, next(pieces))
        return tuple(float(jnp.ravel(loss)[-1]) for loss in losses)

    def step(real, noise):
        nonlocal state
        state, losses = given(state, real, noise)
        return tuple(map(float, losses))

    return Program(run, step)


def first_state(problem, g_adam, d_adam) -> State:
    """The state at step 0."""
    generator, discriminator = (
        [(jnp.array(k), jnp.array(b)) for k, b in zip(weights[::2], weights[1::2])]
        for weights in problem.weights()
    )
    return State(
        generator=generator,
        discriminator=discriminator,
        g_optimizer=g_adam.init(generator),
        d_optimizer=d_adam.init(discriminator),
        # Its own buffers: a donated one must not be there twice.
        average=jax.tree.map(jnp.copy, generator) if problem.config.ema_decay else None,
        step=jnp.array(0),
        key=jax.random.key(problem.config.seed),
    )


def adam(rate, config):
    """Optax's Adam, its rate on a cosine where the recipe has one."""
    if config.decay_steps:
        rate = optax.cosine_decay_schedule(rate, config.decay_steps, alpha=LAST_RATE)
    return optax.adam(rate, b1=config.beta_1, eps=EPSILON)


def network(weights, x):
    """Dense relu layers, the last one linear."""
    *hidden, (kernel, bias) = weights
    for hidden_kernel, hidden_bias in hidden:
        x = jax.nn.relu(x @ hidden_kernel + hidden_bias)
    return x @ kernel + bias


def cross_entropy(logits, label):
    """Mean binary cross entropy of logits against one label."""
    return optax.sigmoid_binary_cross_entropy(
        logits, jnp.full_like(logits, label)
    ).mean()
