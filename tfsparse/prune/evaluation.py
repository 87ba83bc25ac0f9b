"""Evaluates models on labelled data, for methods that compare a metric."""

_HIGHER_IS_BETTER = ("acc", "auc", "precision", "recall", "iou")


def arguments_of(data, batch_size):
    """Returns labelled data as arguments of a Keras model's `fit` and `evaluate`, a dictionary.

    Args:
        data: A tuple `(x, y)` or `(x, y, sample_weight)`, or batches.
        batch_size: Int, for arrays.
    """
    if not isinstance(data, tuple):
        return {"x": data}
    x, y, *sample_weight = data
    weight = sample_weight[0] if sample_weight else None
    return {"x": x, "y": y, "sample_weight": weight, "batch_size": batch_size}


def evaluate(model, data, batch_size, callbacks=()):
    """Returns what `evaluate` of a Keras model returns, a dictionary; arguments as above."""
    data = arguments_of(data, batch_size)
    return model.evaluate(**data, callbacks=list(callbacks) or None, verbose=0, return_dict=True)


def checked_metric(found, name):
    """Returns the name of a metric: the requested one, or the first besides the loss.

    Args:
        found: What `evaluate` returned.
        name: String, or None.

    Raises:
        ValueError: The model has no such metric.
    """
    if name is None:
        return next((key for key in found if key != "loss"), "loss")
    if name not in found:
        raise ValueError(
            f"Expected metric to be one that the model is compiled with: {', '.join(found)}. "
            f"Received: {name!r}"
        )
    return name


def is_higher_better(metric):
    """Returns whether a higher value of a metric is better, by its name."""
    return any(part in metric for part in _HIGHER_IS_BETTER)
