"""Adam in one kernel a variable, for steps that XLA does not compile."""

from __future__ import annotations

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Optimizer):
    """Keras's Adam by TensorFlow's own kernel, in place of a dozen small ones.

    The same numbers up to rounding (Kingma and Ba 2015, algorithm 1, in the form at the
    end of its section 2).

    Args:
        learning_rate: a number or a Keras schedule.
        beta_1: decay of the mean gradient.
        beta_2: decay of the mean squared gradient.
        epsilon: added to the root of the latter.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(learning_rate, name="fused_adam")
        self.numbers = {"beta1": beta_1, "beta2": beta_2, "epsilon": epsilon}

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes the two moments of each variable."""
        super().build(variables)
        self.moments = [
            [self.add_variable_from_reference(v, name) for name in ("m", "v")]
            for v in variables
        ]

    def update_step(
        self,
        gradient: tf.Tensor,
        variable: keras.Variable | tf.Variable,
        learning_rate: tf.Tensor,
    ) -> None:
        """One step of one variable; Keras hands it over as TensorFlow's."""
        step = tf.cast(self.iterations.value + 1, tf.float32)
        m, v = self.moments[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.value.handle,
            v=v.value.handle,
            beta1_power=tf.pow(self.numbers["beta1"], step),
            beta2_power=tf.pow(self.numbers["beta2"], step),
            lr=learning_rate,
            grad=gradient,
            **self.numbers,
        )
