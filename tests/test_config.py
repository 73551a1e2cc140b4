import json
import math

import pytest

from gan_tf.config import RECIPES, Config
from gan_tf.errors import UserError


def test_the_default_has_the_tutorials_networks_and_loop():
    config = Config()
    assert config.generator_units == (256, 512)
    assert config.discriminator_units == (512, 256)
    assert (config.latent_dim, config.batch_size, config.epochs) == (100, 128, 30000)


def test_recipe_document_is_the_literal_one():
    config = Config.recipe("document")
    assert (config.learning_rate, config.beta_1) == (2e-4, 0.5)
    assert (config.rate_ratio, config.decay_steps) == (1.0, 0)
    assert config.output_activation == "linear"
    assert (config.r1_weight, config.ema_decay) == (0.0, 0.0)


def test_a_run_of_recipe_fast_can_be_made_longer():
    config = Config.recipe("fast")
    assert config.conditional
    assert config.differences(Config.recipe("fast", epochs=2 * config.epochs)) == []
    assert Config.recipe("fast", conditional=False).nearest_recipe() == "fast"


def test_recipe_conditional_is_the_default_with_labels_and_a_weaker_penalty():
    expected = Config(conditional=True, r1_weight=0.1)
    assert Config.recipe("conditional") == expected
    assert expected.nearest_recipe() == "conditional"


def test_overrides_win_over_the_recipe():
    assert Config.recipe("document", learning_rate=0.5).learning_rate == 0.5


def test_dict_survives_json():
    for name in RECIPES:
        config = Config.recipe(name, seed=5, generator_units=(3,))
        assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("epochs", 0, "at least 1"),
        ("epochs", 1.5, "whole number"),
        ("epochs", True, "whole number"),
        ("batch_size", -1, "at least 1"),
        ("batch_size", 2**40, "below"),
        ("seed", -1, "at least 0"),
        ("beta_1", 1.0, "below 1.0"),
        ("ema_decay", 1.0, "below 1.0"),
        ("learning_rate", math.nan, "finite"),
        ("learning_rate", "fast", "finite number"),
        ("r1_weight", math.inf, "finite"),
        ("generator_units", (16, 0), "at least 1"),
        ("generator_units", 16, "list"),
        ("output_activation", "tanh", "sigmoid, linear"),
        ("jit_compile", 1, "true or false"),
        ("data_dir", None, "text"),
    ],
)
def test_values_are_checked(name, value, words):
    with pytest.raises(UserError, match=words) as caught:
        Config(**{name: value})
    assert name in str(caught.value)


def test_whole_numbers_pass_as_floats():
    assert Config(learning_rate=1).learning_rate == 1.0


def test_unknown_recipes_and_names_are_refused():
    with pytest.raises(UserError, match="default, conditional, fast, document"):
        Config.recipe("dcgan")
    values = Config().to_dict()
    with pytest.raises(UserError, match="colour"):
        Config.from_dict(values | {"colour": 1})
    del values["seed"]
    with pytest.raises(UserError, match="seed"):
        Config.from_dict(values)


def test_differences_name_what_shapes_the_result_and_nothing_else():
    old = Config()
    new = Config(
        seed=1, beta_1=0.9, epochs=5, log_every=7, data_dir="x", dataset="mnist"
    )
    assert old.differences(new) == ["seed: 0, 1", "beta_1: 0.0, 0.9"]
    assert old.differences(Config()) == []
