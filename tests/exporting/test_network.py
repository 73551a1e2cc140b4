import keras
import numpy as np
import pytest

from gan_tf.errors import UserError
from gan_tf.exporting import dense
from gan_tf.exporting.network import export_network, feed, in_float32
from gan_tf.gan.dense import dense_layers
from gan_tf.gan.models import build_generator
from gan_tf.gan.sampling import outputs
from gan_tf.images import image_layers, to_pixels


def test_images_end_as_pixels_are_made_everywhere():
    ties = (np.arange(-3, 260) + 0.5) / 255
    values = np.random.default_rng(0).normal(0.5, 1.0, 10000)
    values = np.concatenate([ties, values, [-0.0, 1.0, 2.0, -9.0]]).astype(np.float32)
    inputs = keras.Input((1,))
    for pixels, expected in (
        (True, to_pixels(values)),
        (False, np.clip(values, 0.0, 1.0)),
    ):
        network = keras.Model(inputs, image_layers(inputs, pixels))
        found = np.asarray(network(values[:, None]))[:, 0]
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 3)])
def test_outputs_outside_of_the_range_are_clipped(shape):
    generator = build_generator(3, (5,), 24, "linear", seed=1)
    generator.set_weights([9 * array for array in generator.get_weights()])
    values = feed(generator, seed=0, count=5)
    raw = outputs(generator, values["noise"])
    assert raw.min() < 0.0
    assert raw.max() > 1.0
    found = export_network(generator, shape, pixels=False)(values)["images"]
    assert found.shape == (5, *shape)
    np.testing.assert_allclose(
        np.asarray(found).reshape(5, 24), np.clip(raw, 0, 1), atol=1e-6
    )


def test_every_class_is_looked_up_as_the_one_hot_layer_has_it():
    generator = build_generator(3, (5,), 24, seed=1, classes=7)
    values = feed(generator, seed=0, count=15, classes=7)
    assert values["label"].tolist() == [*range(7), *range(7), 0]
    raw = outputs(generator, values["noise"], values["label"])
    network = export_network(generator, (4, 6), pixels=False)
    assert {value.name for value in network.inputs} == {"noise", "label"}
    found = np.asarray(network(values)["images"]).reshape(15, 24)
    np.testing.assert_allclose(found, raw, atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_reduced_precision_is_exported_in_float32():
    mixed = build_generator(3, (5,), 24, seed=1, precision="mixed_bfloat16", classes=2)
    plain = build_generator(3, (5,), 24, seed=1, classes=2)
    copy = in_float32(mixed)
    assert in_float32(plain) is plain
    values = feed(plain, seed=0, count=4, classes=2)
    expected = outputs(plain, values["noise"], values["label"])
    found = outputs(copy, values["noise"], values["label"])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # The one that was given is as it was.
    assert {layer.compute_dtype for layer in mixed.layers} == {"float32", "bfloat16"}
    for form in (mixed, plain):
        activations = [layer.activation for layer in dense_layers(form)]
        assert activations == ["relu", "sigmoid"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([keras.layers.BatchNormalization()], "BatchNormalization"),
        ([keras.layers.EinsumDense("ab,bc->ac", 24)], "EinsumDense"),
        ([keras.layers.Dense(24, "gelu")], "the activation gelu"),
        ([keras.layers.Dense(24, "relu"), keras.layers.Activation("tanh")], "two"),
    ],
)
def test_npz_is_for_dense_layers_of_known_activations(tmp_path, layers, words):
    network = keras.Sequential([keras.Input((24,)), keras.layers.Dense(24), *layers])
    with pytest.raises(UserError, match=words):
        dense.write(tmp_path / "x.npz", network, (4, 6), False)
    assert not list(tmp_path.iterdir())


def test_npz_without_biases_and_with_other_activations(tmp_path):
    network = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, use_bias=False),
            keras.layers.Activation("tanh"),
            keras.layers.Dense(24, "sigmoid"),
        ]
    )
    dense.write(tmp_path / "x.npz", network, (4, 6), False)
    values = feed(network, seed=0, count=3)
    found = dense.load(tmp_path / "x.npz")(values)
    expected = outputs(network, values["noise"]).reshape(3, 4, 6)
    np.testing.assert_allclose(found, expected, atol=1e-6)
