"""What the machine can do: the step's matrix multiplications alone, Adam alone.

No program of this step can be faster than the two together, as long as it computes the
same matmuls in the same precision with libraries no faster than the fastest of these.
`build(problem, library, part) -> Program`, for `worker.py`; imports one library each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from peers import Problem, Program


class MatMul(NamedTuple):
    """One matrix multiplication of the step, as it is stored and used.

    Kinds: "forward" x[rows, inputs] W[inputs, outputs]; "weights" x' dy, the gradient
    of W; "inputs" dy W', the gradient of x.
    """

    network: str
    kind: str
    rows: int
    inputs: int
    outputs: int

    @property
    def flops(self) -> int:
        """Floating-point operations."""
        return 2 * self.rows * self.inputs * self.outputs

    @property
    def shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Shapes of the two operands as they are stored."""
        x, dy = (self.rows, self.inputs), (self.rows, self.outputs)
        w = (self.inputs, self.outputs)
        return {"forward": (x, w), "weights": (x, dy), "inputs": (dy, w)}[self.kind]

    @property
    def transposed(self) -> tuple[bool, bool]:
        """Which of the two operands is used transposed."""
        return self.kind == "weights", self.kind == "inputs"


def matmuls(problem: Problem) -> list[MatMul]:
    """The matrix multiplications of one step of the tutorial's algorithm, in order."""
    batch = problem.config.batch_size
    g, d = problem.generator_sizes, problem.discriminator_sizes

    def layers(network: str, kind: str, rows: int, sizes: tuple) -> list[MatMul]:
        pairs = itertools.pairwise(sizes)
        return [MatMul(network, kind, rows, *pair) for pair in pairs]

    return [
        # Train D: one batch of real and generated; the images need no gradient.
        *layers("G", "forward", batch, g),
        *layers("D", "forward", 2 * batch, d),
        *layers("D", "inputs", 2 * batch, d[1:])[::-1],
        *layers("D", "weights", 2 * batch, d)[::-1],
        # Train G through D, whose weights need no gradient; nor does the noise.
        *layers("G", "forward", batch, g),
        *layers("D", "forward", batch, d),
        *layers("D", "inputs", batch, d)[::-1],
        *layers("G", "inputs", batch, g[1:])[::-1],
        *layers("G", "weights", batch, g)[::-1],
    ]


def weight_count(problem: Problem) -> int:
    """All weights of both networks."""
    return sum(value.size for part in problem.weights() for value in part)


def build(problem: Problem, library: str, part: str) -> Program:
    """A program whose `run(steps)` does a part of so many steps and nothing else.

    Args:
        library: "numpy", "torch", "jax", "tensorflow" or "xla" (TensorFlow's).
        part: "matmul" or "adam".
    """
    if part == "adam":
        return Program(ADAMS[library](weight_count(problem)))
    wanted = matmuls(problem)
    return Program(MATMULS[library](wanted, _operands(wanted)))


def _operands(wanted: list[MatMul]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two matrices for each matmul; those of the same network share its weights.

    Every first operand is new, so that no compiler finds the same matmul twice.
    """
    random = np.random.default_rng(0)
    shared: dict[tuple, np.ndarray] = {}
    pairs = []
    for matmul in wanted:
        first, second = matmul.shapes
        key = (matmul.network, second)
        if key not in shared:
            shared[key] = random.standard_normal(second, np.float32)
        pairs.append((random.standard_normal(first, np.float32), shared[key]))
    return pairs


def _numpy_matmuls(wanted: list, pairs: list) -> Callable:
    views = [
        (
            a.T if matmul.transposed[0] else a,
            b.T if matmul.transposed[1] else b,
        )
        for matmul, (a, b) in zip(wanted, pairs)
    ]
    outputs = [a @ b for a, b in views]

    def run(steps):
        for _ in range(steps):
            for (a, b), output in zip(views, outputs):
                np.matmul(a, b, out=output)
        return float(output[0, 0]), 0.0

    return run


def _torch_matmuls(wanted: list, pairs: list) -> Callable:
    import torch

    from peers.pytorch import DEVICE

    views = []
    for matmul, pair in zip(wanted, pairs):
        a, b = (torch.from_numpy(array).to(DEVICE) for array in pair)
        views.append(
            (
                a.T if matmul.transposed[0] else a,
                b.T if matmul.transposed[1] else b,
            )
        )
    outputs = [a @ b for a, b in views]

    @torch.inference_mode()
    def run(steps):
        for _ in range(steps):
            for (a, b), output in zip(views, outputs):
                torch.matmul(a, b, out=output)
        return output[0, 0].item(), 0.0

    return run


def _repeated(compute: Callable, operands: list) -> Callable:
    """All matmuls of a step, so many times over; waits for the last."""

    def run(steps):
        for _ in range(steps):
            outputs = compute(operands)
        return float(outputs[-1][0, 0]), 0.0

    return run


def _tensorflow_matmuls(wanted: list, pairs: list, jit_compile=False) -> Callable:
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def compute(operands):
        return [
            tf.matmul(a, b, *matmul.transposed)
            for matmul, (a, b) in zip(wanted, operands)
        ]

    operands = [tuple(map(tf.constant, pair)) for pair in pairs]

    return _repeated(compute, operands)


def _xla_matmuls(wanted: list, pairs: list) -> Callable:
    return _tensorflow_matmuls(wanted, pairs, jit_compile=True)


def _jax_matmuls(wanted: list, pairs: list) -> Callable:
    import jax
    import jax.numpy as jnp

    @jax.jit
    def compute(operands):
        return [
            (a.T if matmul.transposed[0] else a) @ (b.T if matmul.transposed[1] else b)
            for matmul, (a, b) in zip(wanted, operands)
        ]

    operands = [tuple(map(jnp.asarray, pair)) for pair in pairs]

    return _repeated(compute, operands)


def _torch_adam(count: int) -> Callable:
    import torch

    from peers.pytorch import DEVICE

    weights = torch.zeros(count, device=DEVICE, requires_grad=True)
    weights.grad = torch.randn(count, device=DEVICE)
    optimizer = torch.optim.Adam([weights], 2e-4, (0.5, 0.999), fused=True)

    def run(steps):
        for _ in range(steps):
            optimizer.step()
        return weights[0].item(), 0.0

    return run


def _jax_adam(count: int) -> Callable:
    import jax
    import jax.numpy as jnp
    import optax

    adam = optax.adam(2e-4, 0.5)
    gradient = jax.random.normal(jax.random.key(0), (count,))
    weights = jnp.zeros(count)
    state = weights, adam.init(weights)

    def step(state, gradient):
        weights, moments = state
        updates, moments = adam.update(gradient, moments)
        return optax.apply_updates(weights, updates), moments

    call = jax.jit(step, donate_argnums=0)

    def run(steps):
        nonlocal state
        for _ in range(steps):
            state = call(state, gradient)
        return float(state[0][0]), 0.0

    return run


def _xla_adam(count: int) -> Callable:
    import keras
    import tensorflow as tf

    weights = tf.Variable(tf.zeros([count]))
    gradient = tf.random.normal([count])
    optimizer = keras.optimizers.Adam(2e-4, 0.5)
    optimizer.build([weights])
    call = tf.function(
        lambda gradient: optimizer.apply([gradient], [weights]), jit_compile=True
    )

    def run(steps):
        for _ in range(steps):
            call(gradient)
        return float(weights[0]), 0.0

    return run


MATMULS = {
    "numpy": _numpy_matmuls,
    "torch": _torch_matmuls,
    "jax": _jax_matmuls,
    "tensorflow": _tensorflow_matmuls,
    "xla": _xla_matmuls,
}
ADAMS = {"torch": _torch_adam, "jax": _jax_adam, "xla": _xla_adam}
