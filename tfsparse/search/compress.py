"""`tfsparse.compress`: the best model for a target."""

from collections.abc import Iterable, Mapping

from tfsparse.annotations import BlockSize, Examples, LabelledData, Model, PathLike, Scope
from tfsparse.arguments import check_int
from tfsparse.prune.blocks import checked_block_size
from tfsparse.search.cost_table import CostTable
from tfsparse.search.result import CompressionResult
from tfsparse.search.samplers import make_sampler
from tfsparse.search.search import Search
from tfsparse.search.training import Data

FINAL_EPOCHS = 3  # times the epochs of a trial


def compress(
    model: Model,
    train_data: LabelledData,
    validation_data: LabelledData,
    *,
    target: Mapping[str, float],
    directory: PathLike = "compressed",
    trials: int = 20,
    epochs: int = 4,
    final_epochs: int | None = None,
    methods: str | Iterable[str] = "gradual",
    sampler: str = "tpe",
    scope: Scope = "all",
    block_size: BlockSize = 1,
    weights: str = "float32",
    representative_dataset: Examples | None = None,
    table: CostTable | None = None,
    metric: str | None = None,
    batch_size: int = 128,
    num_threads: int = 1,
    storage: str | None = None,
    study: str = "compress",
    is_worker: bool = False,
    seed: int = 0,
) -> CompressionResult | None:
    """Finds the most accurate sparse model that meets a target, and writes it as a file.

    First it measures what each layer costs at each sparsity, and how much each layer's sparsity
    changes the loss. Dynamic programming finds the sparsities with the least sum of losses within
    the target, as SPDY does. How single losses add up, and how to train, is what the trials try:
    each prunes the model and trains it for some epochs. The best is trained once more, longer.
    Channels are chosen in the same way, with groups of channels in place of layers.

    Everything that is done is kept in `directory`. The same call goes on from there, after an
    interruption too.

    Args:
        model: Trained and compiled Keras 3 model. It does not change, unless it is subclassed: such
            a model cannot be copied, and becomes the result itself.
        train_data: `(x, y)`, `(x, y, sample_weight)`, or batches of these of a known number, such
            as a `tf.data.Dataset` or a `PyDataset`.
        validation_data: The same. It chooses among trials: the accuracy on it is a little better
            than on other data.
        target: A mapping with one key: `"latency"`, `"size"`, `"archive"` or `"macs"`, the fraction
            of the dense model's that may remain; `"latency_ms"`, `"size_bytes"`, `"archive_bytes"`
            or `"macs_count"`, an amount; or `"accuracy_loss"`, the most that the metric may get
            worse: the fastest model within it is wanted. Latency is measured on this machine,
            unless a `table` is given. An archive is what `tfsparse.pack` makes of the file.
        directory: Folder of the search, which is made if there is none. It gets `best.keras`,
            `best.tflite`, `report.html` and `result.json`, for an archive also `best.tflite.pack`.
        trials: Int, how many trainings to try.
        epochs: Int, epochs of each. Hyperband stops poor ones before.
        final_epochs: Int, epochs of the training of the best; by default `3 * epochs`.
        methods: What a trial trains with, one name or several to choose from: `"gradual"`, the
            default, as `GradualPruning` does; `"rigl"`, pruned at once, and then with `RigL`;
            `"channels"`, a smaller model with fewer channels, as `shrink` makes it;
            `"factorize"`, gradual after `tfsparse.factorize`, for latency and MACs; `"sharing"`,
            gradual and then `WeightSharing`, for archives of float32 files.
        sampler: `"tpe"`, `"gp"`, `"cmaes"`, `"ddpg"` or `"random"`.
        scope: Which layers may be pruned, as for `GradualPruning`; of `"channels"` which groups,
            as for `ChannelPruning`.
        block_size: As for `GradualPruning`.
        weights: `"float32"`, or `"int8"` for 8-bit weights and activations. The last part of each
            training is then `QuantizationAwareTraining`, and metrics are those in int8.
        representative_dataset: As for `convert`: inputs that give int8 files their ranges before
            any training, for the measurements; by default 100 of the training data. The result
            has the ranges of its training, but for a subclassed model, which is calibrated.
        table: `CostTable` of another device; by default one is measured here.
        metric: Name of the metric to keep; by default the model's first besides the loss.
        batch_size: Int, for arrays.
        num_threads: Int, threads of the interpreter.
        storage: Where trials are kept: a file, or the URL of a PostgreSQL database that several
            processes or machines share. By default a file in `directory`.
        study: Name of the study in the storage.
        is_worker: Whether to run trials only, of a study that another process made and will finish.
            It waits for the measurements of that process.
        seed: Int. The same seed, with the same `table`, gives the same trials in one process.

    Returns:
        A `CompressionResult`; None of a worker.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is out of its range, the target is out of reach
            (`TargetOutOfReachError`), or `directory` is of another search.
        ImportError: Optuna is not installed: `pip install 'tfsparse[search]'`.
        OSError: A file cannot be written.

    Example:

    ```python
    result = tfsparse.compress(
        model, (x_train, y_train), (x_val, y_val), target={"latency": 0.5}, trials=20
    )
    print(result)
    ```
    """
    for name, value in (("trials", trials), ("epochs", epochs), ("batch_size", batch_size)):
        check_int(name, value)
    final_epochs = FINAL_EPOCHS * epochs if final_epochs is None else final_epochs
    check_int("final_epochs", final_epochs)
    search = Search(
        model,
        Data(train_data, validation_data, batch_size),
        target,
        directory,
        methods=methods,
        metric=metric,
        scope=scope,
        block_size=checked_block_size(block_size),
        weights=weights,
        representative_dataset=representative_dataset,
        num_threads=num_threads,
        seed=seed,
    )
    # Workers with the same seed would try the same.
    sampler = make_sampler(sampler, None if is_worker else seed, num_trials=trials)
    search.open(storage, study, sampler, epochs)
    if is_worker:
        search.await_measurements()
        search.run(trials)
        return None
    search.prepare(table)
    search.run(trials)
    return search.finish(final_epochs)
