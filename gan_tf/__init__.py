"""gan_tf: the small GAN on MNIST, in TensorFlow 2 and Keras 3.

Importing this package imports no TensorFlow; the first use of a function does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gan_tf.config import Config
from gan_tf.errors import UserError

if TYPE_CHECKING:
    from gan_tf.gan.models import build_discriminator, build_generator
    from gan_tf.gan.sampling import sample
    from gan_tf.storage.checkpoints import load_generator
    from gan_tf.training.loop import train

__version__ = "0.1.0"

__all__ = [
    "Config",
    "UserError",
    "__version__",
    "build_discriminator",
    "build_generator",
    "load_generator",
    "sample",
    "train",
]

_HOMES = {
    "build_discriminator": "gan.models",
    "build_generator": "gan.models",
    "load_generator": "storage.checkpoints",
    "sample": "gan.sampling",
    "train": "training.loop",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gan_tf' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"gan_tf.{_HOMES[name]}"), name)
