"""The end of a `fit`, behind all callbacks."""


def call_at_end(callback, function):
    """Calls a function when the `on_train_end` of all callbacks of a `fit` has been called.

    Some put other weights into the model there, such as `EarlyStopping` with
    `restore_best_weights=True`, and may come later in the list. Keras calls its own `History` after
    them; what it does then is extended, once.

    Args:
        callback: `Callback` in its `on_train_begin`.
        function: Called without arguments.

    Returns:
        Whether the function will be called, a bool: False where whoever calls the callbacks is no
        `fit`, or a `fit` that keeps no history.
    """
    history = getattr(callback.model, "history", None)
    # All callbacks of a fit share one dict; that of an earlier fit is another.
    if history is None or history.params is not callback.params:
        return False
    inner = history.on_train_end

    def on_train_end(logs=None):
        vars(history).pop("on_train_end", None)
        inner(logs)
        function()

    history.on_train_end = on_train_end
    return True
