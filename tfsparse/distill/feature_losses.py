"""Distillation of what single layers return.

Features are (batch, ..., channels): the channels are the last axis.
"""

import keras
from keras import layers, ops

from tfsparse.arguments import check_number
from tfsparse.distill.losses import DistillationLoss

_SMALLEST = 1e-12  # the square of a norm that is divided by


class HintDistillation(DistillationLoss):
    """Compares the outputs of a layer of the teacher and of one of the student.

    The loss of an example is the mean squared difference. If the student's layer has another number
    of channels, a projector (a 1x1 convolution with a bias) gives it the teacher's. It trains with
    the student, and is part of the `Distiller`, not of the student.

    From Romero et al., "FitNets: Hints for Thin Deep Nets", 2015 (https://arxiv.org/abs/1412.6550).
    There the first half of the student is trained with hints alone, then all of it with logits: two
    fits, the first with `student_loss_weight=0`.

    Args:
        teacher_layer: String, the name of a layer of the teacher, or its path (`"block/conv"`).
        student_layer: The same of the student. None, the default, for the teacher's name.

    Raises:
        TypeError: A name is no string; raised by a `Distiller`.
        ValueError: A model has no such layer, or the outputs differ in more than the channels;
            raised by a `Distiller`.
    """

    def __init__(self, teacher_layer: str, student_layer: str | None = None) -> None:
        super().__init__([teacher_layer], [student_layer or teacher_layer])
        self.projector = None

    def _connect(self, teacher, student):
        (wanted,), (own,) = self._shapes(teacher, student)
        if len(wanted) < 2 or wanted[1:-1] != own[1:-1] or None in (wanted[-1], own[-1]):
            raise _misfit(self, "that differ in their channels only", wanted, own)
        if wanted[-1] != own[-1]:
            # Of the last axis alone, as a 1x1 convolution is.
            self.projector = layers.Dense(wanted[-1], dtype="float32", name="projector")
            self.projector.build(own)

    def call(self, teacher: list, student: list) -> keras.KerasTensor:
        """Returns a loss for each example."""
        (wanted,), (own,) = teacher, student
        return _mean_square(wanted - (own if self.projector is None else self.projector(own)))


class AttentionTransfer(DistillationLoss):
    """Compares where a layer of the teacher and one of the student are active.

    The attention map of an example is the sum of squares over the channels, divided by its norm.
    The loss of an example is `beta` times the mean squared difference of both maps. The numbers of
    channels may differ.

    From Zagoruyko & Komodakis, "Paying More Attention to Attention", 2017
    (https://arxiv.org/abs/1612.03928). The paper compares the last layer of each stage of a ResNet.

    Args:
        teacher_layer: String, the name of a layer of the teacher, or its path (`"block/conv"`).
        student_layer: The same of the student. None, the default, for the teacher's name.
        beta: Float, the weight, 1000 as in the authors' code.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: `beta` is negative. A `Distiller` raises it if a model has no such layer, or the
            outputs have no positions, or not the same.
    """

    def __init__(
        self, teacher_layer: str, student_layer: str | None = None, beta: float = 1000.0
    ) -> None:
        check_number("beta", beta)
        super().__init__([teacher_layer], [student_layer or teacher_layer])
        self.beta = beta

    def _connect(self, teacher, student):
        (wanted,), (own,) = self._shapes(teacher, student)
        if len(wanted) < 3 or wanted[1:-1] != own[1:-1]:
            raise _misfit(self, "(batch, positions, channels) with the same positions", wanted, own)

    def call(self, teacher: list, student: list) -> keras.KerasTensor:
        """Returns a loss for each example."""
        (wanted,), (own,) = teacher, student
        return self.beta * _mean_square(_attention(wanted) - _attention(own))


class FSPDistillation(DistillationLoss):
    """Compares how features change from one layer to another, in the teacher and in the student.

    The flow between two layers (flow of solution procedure) is the Gram matrix of their channels,
    `G[i, j] = sum over positions of A[i] B[j] / positions`. If one has more positions, it is
    max-pooled to those of the other. The loss of an example is the mean squared difference of the
    matrices of teacher and student, which need the same numbers of channels.

    From Yim et al., "A Gift from Knowledge Distillation: Fast Optimization, Network Minimization
    and Transfer Learning", CVPR 2017. There the loss is a sum over the matrix, and the student is
    trained with it alone first, then with the labels.

    Args:
        teacher_layers: Pair of strings, the names or paths of two layers of the teacher, such as
            the first and the last of a stage.
        student_layers: The same of the student. None, the default, for the teacher's names.

    Raises:
        TypeError: A name is no string; raised by a `Distiller`.
        ValueError: There are not two names. A `Distiller` raises it if a model has no such layer,
            or the outputs do not fit.
    """

    def __init__(
        self, teacher_layers: tuple[str, str], student_layers: tuple[str, str] | None = None
    ) -> None:
        student_layers = student_layers or teacher_layers
        for name, pair in (("teacher_layers", teacher_layers), ("student_layers", student_layers)):
            if isinstance(pair, str) or len(pair) != 2:
                raise ValueError(f"Expected {name} to be two names of layers. Received: {pair!r}")
        super().__init__(teacher_layers, student_layers)

    def _connect(self, teacher, student):
        of_teacher, of_student = self._shapes(teacher, student)
        for pair in (of_teacher, of_student):
            if min(map(len, pair)) < 3 or len({*map(len, pair)}) > 1 or _poolings(*pair) is None:
                raise _misfit(self, "(batch, positions, channels) that pool to one size", *pair)
        for wanted, own in zip(of_teacher, of_student, strict=True):
            if wanted[-1] != own[-1] or wanted[-1] is None:
                raise _misfit(self, "with as many channels", wanted, own)

    def call(self, teacher: list, student: list) -> keras.KerasTensor:
        """Returns a loss for each example."""
        return _mean_square(_flow(*teacher) - _flow(*student))


def _mean_square(difference):
    return ops.mean(ops.square(difference), axis=list(range(1, len(difference.shape))))


def _attention(features):
    """Returns the attention maps, (batch, ...)."""
    energy = ops.sum(ops.square(features), axis=-1)
    axes = list(range(1, len(energy.shape)))
    norm = ops.sum(ops.square(energy), axis=axes, keepdims=True)
    return energy * ops.rsqrt(ops.maximum(norm, _SMALLEST))


def _flow(first, second):
    """Returns the Gram matrices of two features, (batch, channels, channels)."""
    strides = _poolings(first.shape, second.shape)
    first, second = (
        x if max(stride) == 1 else ops.max_pool(x, stride, stride, padding="same")
        for x, stride in zip((first, second), strides, strict=True)
    )
    lengths = ops.shape(first)[1:-1]
    at = "xyz"[: len(lengths)]
    matrices = ops.einsum(f"n{at}i,n{at}j->nij", first, second)
    return matrices / ops.cast(ops.prod(lengths), matrices.dtype)


def _poolings(first, second):
    """Returns the strides that pool two shapes to the same positions, a pair of tuples, or None."""
    lengths = list(zip(first[1:-1], second[1:-1], strict=True))
    pairs = [(1, 1) if a == b else _strides(a, b) for a, b in lengths]
    return None if None in pairs else tuple(zip(*pairs, strict=True))


def _strides(a, b):
    if None in (a, b):
        return None
    large, small = max(a, b), min(a, b)
    stride = -(-large // small)
    if -(-large // stride) != small:
        return None
    return (stride, 1) if a > b else (1, stride)


def _misfit(loss, expected, *shapes):
    names = " and ".join(map(repr, (*loss.teacher_layers, *loss.student_layers)))
    return ValueError(
        f"{type(loss).__name__} of layers {names} expected outputs {expected}. Received outputs of "
        f"shapes: {' and '.join(map(str, shapes))}"
    )
