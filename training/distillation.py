"""A teacher's opinion as a second target: the student imitates it on the very picture that both see.

Source: G. Hinton et al., *Distilling the knowledge in a neural network* (2015); that both must see the same augmented
picture: L. Beyer et al., *Knowledge distillation: A good teacher is patient and consistent* (CVPR 2022).
"""

from pathlib import Path

import keras
from keras import ops

from training.errors import TrainingError
from training.experiment import Distillation

TINY = 1e-7


class Imitate(keras.layers.Layer):
    """Passes the student's probabilities on, and adds their divergence from the teacher's to the loss.

    The divergence is Kullback-Leibler of the two distributions softened by the temperature, times its square, so that
    its gradient keeps its size; probabilities stand in for logits, from which they differ by a constant only.
    """

    def __init__(self, weight: float, temperature: float) -> None:
        super().__init__(name="imitate")
        self.weight, self.temperature = weight, temperature

    def call(self, student: keras.KerasTensor, teacher: keras.KerasTensor) -> keras.KerasTensor:
        soft_student = self._soften(student)
        soft_teacher = ops.stop_gradient(self._soften(teacher))
        divergence = ops.sum(ops.exp(soft_teacher) * (soft_teacher - soft_student), axis=-1)
        self.add_loss(self.weight * self.temperature**2 * ops.mean(divergence))
        return student

    def _soften(self, probabilities: keras.KerasTensor) -> keras.KerasTensor:
        """Logarithms of the softened probabilities."""
        return ops.log_softmax(ops.log(ops.maximum(probabilities, TINY)) / self.temperature, axis=-1)


def load_teacher(plan: Distillation) -> keras.Model:
    """The teacher, not to be trained.

    Raises:
        TrainingError: its file is not there or is no network.
    """
    path = Path(plan.teacher)
    if not path.is_file():
        raise TrainingError(f"The teacher {path} is not there. Train it first; its experiment says how.")
    try:
        teacher: keras.Model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"The teacher {path} cannot be read: {error}") from error
    teacher.trainable = False
    teacher.name = "teacher"
    return teacher
