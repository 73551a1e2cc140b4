"""A caller's own images, networks and functions: `train(..., images=..., ...)`."""

import json
import os

import keras
import numpy as np
import pytest
from keras import layers

import gan_tf
from gan_tf import files, generate
from gan_tf.gan.sampling import sample
from gan_tf.storage import checkpoints
from gan_tf.training import plan
from tests.conftest import TINY, refused, run_python, state_of


def config(epochs=10, **changes):
    return gan_tf.Config(**(TINY | {"epochs": epochs} | changes))


def train(config, run_dir, **arguments):
    return gan_tf.train(config, run_dir, progress=False, **arguments)


def build_generator(filters=2):
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(7 * 7 * 2),
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.1),
            layers.Reshape((7, 7, 2)),
            layers.Conv2DTranspose(filters, 4, 2, "same"),
            layers.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid"),
        ]
    )


def build_discriminator():
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(2, 4, 4, "same")(images)
    x = layers.BatchNormalization(momentum=0.5)(x)
    return keras.Model(images, layers.Dense(1)(layers.Flatten()(x)))


BUILDERS = {
    "build_generator": build_generator,
    "build_discriminator": build_discriminator,
}


def same(one, other):
    return all(
        (a == b).all() for a, b in zip(state_of(one), state_of(other), strict=True)
    )


@pytest.fixture(scope="module")
def made(digits, tmp_path_factory):
    """A finished run of own networks on own images."""
    run_dir = tmp_path_factory.mktemp("own") / "run"
    return run_dir, train(config(20), run_dir, images=digits, **BUILDERS)


def test_a_run_goes_on_without_the_functions_to_the_same_bits(
    made, digits, tmp_path, monkeypatch
):
    """Also if it was killed when it began: `config.json` names no lost weights."""
    run_dir, gan = made
    with monkeypatch.context() as patch:
        fail_at_rename(3, patch)  # config.json, after the first checkpoint
        with pytest.raises(gan_tf.UserError):
            train(config(10), tmp_path, images=digits, **BUILDERS)
    with pytest.warns(UserWarning, match=r"config.json is missing; its copy"):
        train(config(10), tmp_path, images=digits)
    assert same(train(config(20), tmp_path, images=digits), gan)
    again = train(config(20), run_dir, images=digits, **BUILDERS)
    assert same(again, gan)


def fail_at_rename(number, patch):
    """Lets the n-th file or folder, and all after it, not get its name."""
    replace, left = os.replace, [number]

    def fail(*arguments):
        left[0] -= 1
        if left[0] <= 0:
            raise OSError("the process is gone")
        replace(*arguments)

    patch.setattr(os, "replace", fail)


MIRRORED = """
import sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
logical = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, logical)
from gan_tf.data.strokes import draw_digits
from tests.training.test_own_networks import BUILDERS, config, train
images = draw_digits(100, 1)
gan = train(config(3, strategy="mirrored"), sys.argv[1], images=images, **BUILDERS)
for network in (gan.generator, gan.discriminator, gan.average):
    for weights in network.weights:
        first, second = weights.value.values
        np.testing.assert_array_equal(first, second)
    assert np.abs(network.non_trainable_weights[0]).max() > 0
"""


def test_replicas_agree_about_batch_statistics(tmp_path):
    """In a process of its own, which has two devices."""
    result = run_python("-c", MIRRORED, tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]


def test_the_record_alone_makes_the_generator(made):
    run_dir, gan = made
    generator = gan_tf.load_generator(run_dir)
    np.testing.assert_array_equal(sample(generator, 0, 3), sample(gan.average, 0, 3))
    content = files.read_json(run_dir / "config.json")
    assert content["data"]["name"] == "images"
    assert content["networks"].keys() == {"generator", "discriminator"}
    text = json.dumps(content["networks"])
    assert '"dense"' in text  # not dense_7: the same in every process


def test_batch_statistics_and_the_average_of_them_move(made):
    _, gan = made
    for network in (gan.generator, gan.discriminator, gan.average):
        mean, variance = network.non_trainable_weights
        assert np.abs(mean).max() > 0
        assert (variance.numpy() != 1).any()


def test_other_networks_or_images_are_refused(made, digits):
    run_dir, _ = made
    images, labels = digits

    def other():
        return build_generator(filters=3)

    with pytest.raises(gan_tf.UserError, match=r"build_generator: .*filters 2, 3"):
        train(config(20), run_dir, images=digits, build_generator=other)
    with pytest.raises(gan_tf.UserError, match="data: images"):
        train(config(20), run_dir, images=(images[::-1], labels))
    dense = run_dir.with_name("dense")
    train(config(2), dense, images=digits)
    with pytest.raises(gan_tf.UserError, match="build_generator: a dense one, another"):
        train(config(2), dense, images=digits, build_generator=build_generator)


@keras.saving.register_keras_serializable("gan_tf_tests")
class Scorer(keras.Model):
    """A subclassed discriminator."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.units = units
        self.hidden = layers.Dense(units)
        self.normal = layers.BatchNormalization(momentum=0.5)
        self.out = layers.Dense(1)

    def get_config(self):
        return super().get_config() | {"units": self.units}

    def call(self, images, training=False):
        flat = keras.ops.reshape(images, (-1, 784))
        return self.out(self.normal(self.hidden(flat), training=training))


def test_subclassed_networks_train_in_training_mode(digits, tmp_path, monkeypatch):
    gan = train(
        config(10), tmp_path, images=digits, build_discriminator=lambda: Scorer(units=3)
    )
    mean, _ = gan.discriminator.non_trainable_weights
    assert np.abs(mean).max() > 0
    name = "gan_tf_tests>Scorer"
    monkeypatch.delitem(keras.saving.get_custom_objects(), name)
    with pytest.raises(gan_tf.UserError, match=r"Scorer is not known here\. Decorate"):
        train(config(20), tmp_path, images=digits)


def test_labels_and_embeddings(digits, tmp_path, invoke):
    def embedded(size, outputs, activation):
        values, label = keras.Input((size,)), keras.Input((), dtype="int32")
        both = layers.Concatenate()([values, layers.Embedding(10, 3)(label)])
        result = layers.Dense(outputs, activation=activation)(both)
        return keras.Model([values, label], result)

    train(
        config(10, conditional=True),
        tmp_path,
        images=digits,
        build_generator=lambda: embedded(4, 784, "sigmoid"),
        build_discriminator=lambda: embedded(784, 1, None),
    )
    # Which classes there are is known to the run, not to the network.
    assert sample(gan_tf.load_generator(tmp_path), 0, 12).shape == (12, 28, 28)
    # An embedding has nothing between two classes.
    flags = (
        f"--run_dir={tmp_path}",
        "--interpolate=classes",
        f"--out={tmp_path}/x.png",
    )
    refused(invoke(generate, *flags), "not as one-hot labels")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            layers.CategoryEncoding(11, output_mode="one_hot"),
            "encodes 11 classes, .* 10",
        ),
        (layers.CategoryEncoding(8, output_mode="one_hot"), "encodes 8 classes, .* 10"),
        (
            layers.Embedding(8, 3),
            "cannot be called with the label 9, the last of the 10",
        ),
    ],
)
def test_networks_that_know_other_classes_are_refused(layer, words, digits, tmp_path):
    def build():
        noise, label = keras.Input((4,)), keras.Input((), dtype="int32")
        both = layers.Concatenate()([noise, layer(label)])
        return keras.Model([noise, label], layers.Dense(784)(both))

    with pytest.raises(gan_tf.UserError, match=words):
        train(
            config(conditional=True),
            tmp_path / "r",
            images=digits,
            build_generator=build,
        )
    assert not (tmp_path / "r").exists()


def sequential(*members):
    return lambda: keras.Sequential(list(members))


LATENT, FLAT = keras.Input((4,)), keras.Input((784,))
MISTAKES = {
    "a model": (
        "generator",
        keras.Sequential([LATENT, layers.Dense(784)]),
        "must be a function that returns a Keras model, not a Sequential",
    ),
    "argument": ("generator", lambda size: None, "without arguments: missing .*'size'"),
    "memory": (
        "generator",
        sequential(
            LATENT,
            layers.RepeatVector(1 << 21),
            layers.GlobalMaxPool1D(),
            layers.Dense(784),
        ),
        r"makes 8388608 values of one image, and 4194304 are possible",
    ),
    "no model": ("discriminator", lambda: None, "a Keras model, not NoneType"),
    "output": (
        "discriminator",
        sequential(FLAT, layers.Dense(2)),
        r"from \[None, 784\] to \[None, 2\], this run needs .* to \[None, 1\]",
    ),
    "noise": (
        "generator",
        sequential(keras.Input((5,)), layers.Dense(784)),
        r"from \[None, 5\] .* needs one from \[None, 4\] to \[None, 28, 28, 1\]",
    ),
    "batch": (
        "generator",
        sequential(keras.Input(batch_shape=(16, 4)), layers.Dense(784)),
        r"from \[16, 4\]",
    ),
    "unbuilt": (
        "discriminator",
        sequential(layers.Dense(1)),
        r"to \[None, 28, 28, 1\], this run needs",
    ),
    "half": (
        "generator",
        sequential(LATENT, layers.Dense(784, dtype="float16")),
        "is float16; .* must be float32",
    ),
    "frozen": (
        "discriminator",
        sequential(FLAT, layers.Dense(1, trainable=False)),
        "no trainable weights",
    ),
    "lambda": (
        "generator",
        sequential(LATENT, layers.Dense(784), layers.Lambda(lambda x: x)),
        "a Lambda layer could run any code",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_networks_that_do_not_fit_are_refused_at_once(name, digits, tmp_path):
    role, build, message = MISTAKES[name]
    with pytest.raises(gan_tf.UserError, match=message) as error:
        train(config(), tmp_path / "r", images=digits, **{f"build_{role}": build})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "r").exists()


def test_an_error_in_a_function_is_the_callers(digits, tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(config(), tmp_path, images=digits, build_generator=lambda: 1 / 0)


def test_a_hostile_description_takes_no_memory_and_runs_nothing(made, tmp_path):
    content = files.read_json(made[0] / "config.json")
    network = content["networks"]["generator"]
    content["networks"]["generator"] = {
        "module": "os",
        "class_name": "system",
        "config": {"command": f"touch {tmp_path / 'ran'}"},
        "registered_name": None,
    }
    files.write_json(made[0] / "config.json", content)
    try:
        with pytest.raises(gan_tf.UserError, match="system is not known here"):
            gan_tf.load_generator(made[0])
        assert not (tmp_path / "ran").exists()
        huge = json.loads(
            json.dumps(network).replace('"filters": 2', '"filters": 1' + 9 * "0")
        )
        content["networks"]["generator"] = huge
        files.write_json(made[0] / "config.json", content)
        with pytest.raises(gan_tf.UserError, match="cannot be made from"):
            gan_tf.load_generator(made[0])
        steps = json.dumps(network).replace(
            '"strides": [2, 2]', '"strides": [900, 900]'
        )
        content["networks"]["generator"] = json.loads(steps)
        files.write_json(made[0] / "config.json", content)
        with pytest.raises(gan_tf.UserError, match="values of one image"):
            gan_tf.load_generator(made[0])
    finally:
        content["networks"]["generator"] = network
        files.write_json(made[0] / "config.json", content)


def test_on_log_gets_each_row_and_may_stop_the_run(digits, tmp_path):
    seen = {}

    def on_log(step, metrics):
        seen[step] = metrics["d_loss"]
        if step == 10:
            raise gan_tf.StopTraining

    gan = train(config(40), tmp_path, images=digits, on_log=on_log)
    assert list(seen) == [5, 10]
    assert all(value > 0 for value in seen.values())
    assert int(gan.step) == 10
    assert checkpoints.step_of(checkpoints.newest(tmp_path)) == 10
    assert (tmp_path / "training.gif").exists()


def test_what_on_log_raises_ends_the_run_with_all_saved(digits, tmp_path):
    def on_log(step, metrics):
        if step == 15:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(config(40), tmp_path, images=digits, on_log=on_log)
    assert checkpoints.step_of(checkpoints.newest(tmp_path)) == 15


def test_a_run_starts_from_anothers_weights(made, digits, tmp_path):
    run_dir, source = made
    images, _ = digits
    started = config(10, init_from=str(run_dir), learning_rate=0.0)
    gan = train(started, tmp_path, images=images[:200])
    for name in ("generator", "discriminator"):
        for a, b in zip(
            getattr(gan, name).trainable_weights,
            getattr(source, name).trainable_weights,
        ):
            np.testing.assert_array_equal(a, b)
    record = files.read_json(tmp_path / "config.json")["initial"]
    assert (record["run"], record["step"]) == (str(run_dir), 20)
    # It needs the other run no more, and keeps the note.
    train(config(12, learning_rate=0.0), tmp_path, images=images[:200])
    assert files.read_json(tmp_path / "config.json")["initial"] == record
    moved = config(12, learning_rate=0.0, init_from=f"{run_dir}/.")
    train(moved, tmp_path, images=images[:200])
    other = run_dir.with_name("other")
    train(config(2), other, images=digits)
    again = config(12, learning_rate=0.0, init_from=str(other))
    with pytest.raises(gan_tf.UserError, match=r"began with .* at step 20, not with"):
        train(again, tmp_path, images=images[:200])


def test_the_average_comes_along(made, digits, tmp_path):
    run_dir, source = made
    gan = train(config(1, init_from=str(run_dir)), tmp_path, images=digits)
    (first,) = [p for p in checkpoints.saved(tmp_path) if checkpoints.step_of(p) == 0]
    checkpoints.restore_weights(first, gan, averaged=True)
    for a, b in zip(gan.average.weights, source.average.weights):
        np.testing.assert_array_equal(a, b)


def test_weights_of_other_networks_are_refused(made, digits, tmp_path, data_dir):
    run_dir, _ = made
    images, _ = digits
    changed = config(init_from=str(run_dir), latent_dim=5)
    with pytest.raises(gan_tf.UserError, match=r"latent_dim 4, 5; images 28x28, 20x20"):
        train(changed, tmp_path, images=images[:, :20, :20])
    with pytest.raises(gan_tf.UserError, match=r"--init_from .* is no run"):
        train(config(init_from=str(tmp_path / "none")), tmp_path, images=images)
    with pytest.raises(gan_tf.UserError, match=r"began with weights of its own"):
        train(config(20, init_from=str(tmp_path)), run_dir, images=digits)
    text = plan.plan(config(init_from=str(run_dir), data_dir=str(data_dir)), tmp_path)
    assert f"--init_from {run_dir}" in text


@pytest.mark.parametrize(
    "images",
    [
        [1, 2],
        (1, 2, 3),
        np.zeros((0, 28, 28)),
        np.zeros((5, 200, 9)),
        object(),
        "digits.npz",
        [np.zeros((8, 8)), np.zeros((9, 9))],
    ],
)
def test_arrays_that_are_no_images_are_refused(images, tmp_path):
    with pytest.raises(gan_tf.UserError, match="images") as caught:
        train(config(), tmp_path / "r", images=images)
    if isinstance(images, (str, list)) or type(images) is object:
        assert "[N, H, W" in str(caught.value) or images == [1, 2]
    assert ("data_dir" in str(caught.value)) == isinstance(images, str)
    assert not (tmp_path / "r").exists()


def test_images_and_data_dir_together_are_refused(digits, tiny, tmp_path):
    with pytest.raises(gan_tf.UserError, match="leave one out"):
        train(tiny(), tmp_path, images=digits)
