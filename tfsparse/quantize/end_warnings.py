"""The warnings at the end of a training that has set the values of weights."""

from tfsparse.prune.growth import warn_of_growth
from tfsparse.user_warnings import warn


def warn_at_end(model, kernels, advice, *, lost, before, begins):
    """Warns if the values are lost, and otherwise in the next training that would lose them.

    Args:
        model: Keras model.
        kernels: List of masks with the method `holds`.
        advice: String, how to keep the values in another training.
        lost: String, what the weights are if another callback has put others into the model.
        before: String, the end of "those of an epoch before ...".
        begins: String, the end of "let that callback begin when ...".
    """
    if all(kernel.holds(kernel.weights()) for kernel in kernels):
        warn_of_growth(model, kernels, advice)
        return
    warn(
        f"The weights {lost}: a callback has put other ones into the model, as "
        f"EarlyStopping(restore_best_weights=True) does with those of an epoch before {before}. "
        f"They are left as they are. Let that callback begin when {begins} (EarlyStopping has "
        "start_from_epoch)."
    )
