"""What the replicas of a `tf.distribute` strategy share; nothing where there is one."""

from __future__ import annotations

import tensorflow as tf

from gan_tf.gan.state import GAN


def my_share(batches: tf.Tensor) -> tf.Tensor:
    """The replica's part of each global batch in `[k, B, ...]`; all of it if alone."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return batches
    number = tf.get_static_value(replica.replica_id_in_sync_group)
    return tf.split(batches, replica.num_replicas_in_sync, axis=1)[int(number)]


def share_statistics(gan: GAN) -> None:
    """Gives all replicas the mean of what each measured, for batch normalization."""
    replica = tf.distribute.get_replica_context()
    networks = gan.generator, gan.discriminator
    own = [v for network in networks for v in network.non_trainable_weights]
    measured = [v for v in own if v.dtype == "float32"]
    if replica.num_replicas_in_sync > 1 and measured:
        means = replica.all_reduce(
            tf.distribute.ReduceOp.MEAN, [v.value for v in measured]
        )
        for variable, mean in zip(measured, means):
            variable.assign(mean)
