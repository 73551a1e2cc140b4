"""Every peer trains the same GAN, and the arithmetic of the reports is right."""

import importlib
import importlib.util
import json

import numpy as np
import pytest
import tensorflow as tf

import default_recipe
import limits
import peers
import scaling
import throughput
import turns
from gan_tf import Config
from gan_tf.data.strokes import draw_digits
from gan_tf.gan.noise import TRAINING, latent
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import compile_train_steps
from gan_tf.images import read_png
from gan_tf.storage.curves import MAX_ROWS


@pytest.fixture(scope="module")
def digits():
    return draw_digits(600, seed=7)


SMALL = {
    "batch_size": 16,
    "latent_dim": 4,
    "generator_units": (8, 12),
    "discriminator_units": (12, 8),
    "learning_rate": 1e-2,  # so that a wrong step shows in the next losses
    "jit_compile": False,
}
RECIPE_SIDES = [
    pytest.param(
        recipe,
        side,
        id=f"{recipe}-{side.name}",
        marks=pytest.mark.skipif(
            importlib.util.find_spec(side.needs) is None,
            reason=f"no {side.needs}: pip install -e '.[bench]'",
        ),
    )
    for recipe, sides in (
        ("document", throughput.SIDES),
        ("default", default_recipe.SIDES),
    )
    for side in sides
    if side.kind == "peer" and not side.options  # these are the same program
]


def small_problem(digits, recipe, **changes):
    config = Config.recipe(recipe, **(SMALL | changes))
    batches = digits[0][: 8 * config.batch_size].reshape(8, config.batch_size, 784)
    return peers.Problem(config, batches)


def own_losses(problem, steps):
    """D's and G's losses of each step of gan_tf, and the noise that it took."""
    config = problem.config
    gan = build_gan(config)
    for network, weights in zip((gan.generator, gan.discriminator), problem.weights()):
        network.set_weights(weights)
    call = compile_train_steps(gan, config.seed, config.jit_compile)
    losses, noises = [], []
    for step in range(steps):
        noises.append(latent(config.seed, TRAINING, step, problem.noise_shape).numpy())
        sums = call((tf.constant(problem.batches), None), step, step + 1)
        losses.append((float(sums["d_loss"]), float(sums["g_loss"])))
    return losses, noises


@pytest.mark.filterwarnings("ignore:CUDA initialization")  # PyTorch's, without a GPU
@pytest.mark.parametrize(("recipe", "side"), RECIPE_SIDES)
def test_peers_train_the_same_gan(recipe, side, digits, monkeypatch):
    changes = {"r1_every": 2, "r1_weight": 1.0, "decay_steps": 6}
    problem = small_problem(digits, recipe, **(changes if recipe == "default" else {}))
    module = importlib.import_module(side.module)
    if side.needs != "tensorflow":
        # PyTorch and optax add Adam's epsilon after the correction of the bias, where
        # Keras's is so large in the first steps.
        monkeypatch.setattr(module, "EPSILON", peers.EPSILON / np.sqrt(1 - 0.999))
    program = module.build(problem)
    losses, noises = own_losses(problem, steps=6)
    images = problem.unit_batches()
    found = [program.step(real, noise) for real, noise in zip(images, noises)]
    np.testing.assert_allclose(found[0], losses[0], rtol=2e-5)
    np.testing.assert_allclose(found, losses, rtol=2e-3)


def test_the_matmuls_are_those_of_the_step(digits):
    problem = peers.Problem(Config(), digits[0][:1])
    wanted = limits.matmuls(problem)
    assert sum(matmul.flops for matmul in wanted) == 1_450_442_752
    assert limits.weight_count(problem) == 1_093_137
    for matmul, (a, b) in zip(wanted, limits._operands(wanted)):
        a, b = (m.T if t else m for m, t in zip((a, b), matmul.transposed))
        assert 2 * (a @ b).size * a.shape[1] == matmul.flops


def test_sides_take_turns_and_the_report_says_who_was_absent(digits, tmp_path, capsys):
    matmuls = {"library": "numpy", "part": "matmul"}
    sides = [
        turns.Side(throughput.STEP, "gan_tf", "peers.gan_tf_step"),
        turns.Side("none", "peer", "peers.pytorch", needs="no_such_package"),
        turns.Side("broken", "peer", "limits", matmuls | {"library": "abc"}),
        turns.Side("numpy", "matmul", "limits", matmuls),
    ]
    problem = small_problem(digits, "document", steps_per_call=5)
    problem.write(tmp_path)
    results = turns.measure(sides, tmp_path, [], rounds=2, seconds=0.1, steps=50)
    assert results["none"] == {"kind": "peer", "absent": "no package no_such_package"}
    assert results["broken"]["absent"] == "KeyError: 'abc'"
    assert len(results["numpy"]["rounds"]) == 2
    assert results[throughput.STEP]["median"] > 0
    report = {
        "steps per second": results,
        "data": "drawn",
        "machine": turns.machine(),
        "limit": None,
    }
    throughput.write(report, tmp_path / "x.json", "a test")
    assert "| none | absent: no package no_such_package |" in capsys.readouterr().out
    ratios = json.loads((tmp_path / "x.json").read_text())["ratios"]
    assert ratios[throughput.STEP].keys() == {"numpy"}
    assert read_png(tmp_path / "x.png").size


def test_the_command_accepts_its_number_of_steps():
    assert MAX_ROWS * Config.log_every >= turns.ENDLESS


def test_ratios_are_taken_within_a_round():
    results = {
        "a": {"kind": "gan_tf", "rounds": [2.0, 30.0, 4.0], "median": 4.0},
        "b": {"kind": "peer", "rounds": [1.0, 10.0, 1.0], "median": 1.0},
        "c": {"kind": "peer", "absent": "no package"},
    }
    assert turns.ratio(results, "a", "b") == {"median": 3.0, "least": 2.0, "most": 4.0}
    assert turns.ratio(results, "a", "c") is None
    assert turns.best(results, "peer") == "b"
    assert turns.best(results, "adam") is None


def test_a_calls_own_cost_is_found():
    rows = {k: {"median": 10 + 2 / k} for k in scaling.CALLS}
    cost = scaling.call_cost(rows)
    assert cost["milliseconds of a call"] == pytest.approx(2)
    assert cost["milliseconds of a step"] == pytest.approx(10)
    assert cost["knee, steps in a call"] == pytest.approx(20)
