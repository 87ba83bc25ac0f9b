"""A hook at the end of a `fit`, after all callbacks."""


def call_at_end(callback, function):
    """Calls a function after the `on_train_end` of all callbacks of a `fit`.

    Some callbacks replace the model's weights there, such as `EarlyStopping` with
    `restore_best_weights=True`, and may come later in the list. Keras calls its own `History` after
    them; its `on_train_end` is extended, once.

    Args:
        callback: `Callback` in its `on_train_begin`.
        function: Called without arguments.

    Returns:
        Whether the function will be called, a bool: False if the callbacks are not called by a
        `fit` with a history.
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
