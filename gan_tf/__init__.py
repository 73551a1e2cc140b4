"""gan_tf: the small GAN on MNIST, in TensorFlow 2 and Keras 3.

Importing this package imports no TensorFlow; the first use of a function does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gan_tf.config import Config
from gan_tf.environment import check_plotting, choose_backend
from gan_tf.errors import StopTraining, UserError

if TYPE_CHECKING:
    from gan_tf.gan.models import build_discriminator as build_discriminator
    from gan_tf.gan.models import build_generator as build_generator
    from gan_tf.gan.sampling import sample as sample
    from gan_tf.storage.checkpoints import load_generator as load_generator
    from gan_tf.storage.pretrained import load_pretrained as load_pretrained
    from gan_tf.training.loop import train as train

__version__ = "0.1.0"

# Where the other public names are defined; they need TensorFlow.
_HOMES = {
    "build_discriminator": "gan.models",
    "build_generator": "gan.models",
    "load_generator": "storage.checkpoints",
    "load_pretrained": "storage.pretrained",
    "sample": "gan.sampling",
    "train": "training.loop",
}


__all__ = ["Config", "StopTraining", "UserError", "__version__", *_HOMES]

choose_backend()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gan_tf' has no attribute {name!r}")
    import importlib

    check_plotting()
    return getattr(importlib.import_module(f"gan_tf.{_HOMES[name]}"), name)
