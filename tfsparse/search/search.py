"""A search for the best model, stage by stage."""

import dataclasses
import os
import time
from pathlib import Path

import keras

from tfsparse.converter.convert import convert
from tfsparse.files import write_atomically
from tfsparse.formatting import to_json
from tfsparse.graph.compiling import compile_again, renew_optimizer
from tfsparse.packing.pack import pack
from tfsparse.prune.evaluation import checked_metric, is_higher_better
from tfsparse.search import targets
from tfsparse.search.methods import METHODS, checked_methods
from tfsparse.search.preparation import Ruler, prepare
from tfsparse.search.prepared import Prepared, key_of
from tfsparse.search.report import write_report
from tfsparse.search.result import CompressionResult, Trial
from tfsparse.search.storage import open_storage
from tfsparse.search.study import (
    Goal,
    Task,
    best_of,
    choose,
    enqueue_defaults,
    make_study,
    run_trials,
)
from tfsparse.search.training import Trainer
from tfsparse.search.variants import (
    Variant,
    copy_of,
    measured_of,
    model_of,
    parts_of,
    teacher_of,
)

# A result may cost this much more than the target, as a fraction. If it costs more, another
# training with more zeros follows.
TOLERANCE, ATTEMPTS = 0.03, 3
STUDY, RECORD, REPORT = "study.log", "result.json", "report.html"
MODEL, FILE, ARCHIVE = "best.keras", "best.tflite", "best.tflite.pack"
PREPARED = "prepared"  # the study's attribute with what was measured
WAIT_SECONDS = 600


class Search:
    """A search, of which each stage is kept in a folder.

    Args:
        model: Compiled Keras 3 model.
        data: `Data`.
        target: Mapping, see `tfsparse.compress`.
        directory: Path of the folder, which is made if there is none.
        methods, metric, scope, weights, representative_dataset, num_threads, seed: See
            `tfsparse.compress`.
        block_size: Pair of ints.
    """

    def __init__(
        self,
        model,
        data,
        target,
        directory,
        *,
        methods,
        metric,
        scope,
        block_size,
        weights,
        representative_dataset,
        num_threads,
        seed,
    ):
        self._target, self._given = targets.parse(target), dict(target)
        self._methods = checked_methods(methods, self._target.quantity, weights)
        _check_model(model)
        self._optimizer = model.optimizer
        self._model = copy_of(model)
        self._teacher = teacher_of(model, self._model)
        self._data, self._directory = data, Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._models = {
            name: model_of(name, self._model, self._target.fraction)
            for name in dict.fromkeys(METHODS[name].variant for name in self._methods)
        }
        found = data.evaluate(self._model)
        self._metric = checked_metric(found, metric)
        self._reference = float(found[self._metric])
        self._higher_is_better = is_higher_better(self._metric)
        self._block_size, self._num_threads, self._seed = block_size, num_threads, seed
        # A subclassed model, which is no copy, cannot be trained for int8.
        self._trains_int8 = weights == "int8" and self._model is not model
        if weights == "int8" and representative_dataset is None:
            representative_dataset = data.examples
        self._conversion = {
            "weights": weights,
            "representative_dataset": representative_dataset,
        }
        self._scope = scope
        self._key = key_of(
            self._model,
            target=self._given,
            parts={name: parts_of(name, self._model, scope) for name in self._models},
            block_size=block_size,
            weights=weights,
            methods=self._methods,
        )

    def open(self, storage, study, sampler, epochs):
        """Opens the study, or makes it.

        Args:
            storage: A file or URL, or None for a file in the folder.
            study: Name of the study.
            sampler: Optuna's sampler.
            epochs: Int, of a trial.
        """
        rises = self._higher_is_better and self._target.loss is None
        self._epochs = epochs
        self._study = make_study(
            open_storage(storage or os.fspath(self._directory / STUDY)),
            study,
            sampler,
            "maximize" if rises else "minimize",
            epochs,
        )

    def prepare(self, table=None):
        """Measures costs and sensitivities, unless the study has them.

        Args:
            table: `CostTable` of another device, or None.
        """
        measured, dense = measured_of(self._models, self._model, self._scope, **self._conversion)
        self._rulers = {
            name: Ruler(
                one,
                self._target.quantity,
                self._block_size,
                self._num_threads,
                is_here=table is None,
                reference=dense,
            )
            for name, one in measured.items()
        }
        if PREPARED not in self._study.user_attrs:
            found = prepare(
                self._models, self._data, self._target, self._reference, self._rulers, table
            )
            kept = {"key": self._key, **found.to_dict()}
            self._study.set_user_attr(PREPARED, kept)
        self._take_up()
        enqueue_defaults(self._study, self._task)

    def await_measurements(self):
        """Waits until another process has measured what trials need.

        Raises:
            TimeoutError: None has within ten minutes.
        """
        end = time.monotonic() + WAIT_SECONDS
        while PREPARED not in self._study.user_attrs:
            if time.monotonic() > end:
                raise TimeoutError(
                    "Expected another process to measure the model for this study, and to run its "
                    f"trials. None has within {WAIT_SECONDS} s: start it without is_worker."
                )
            time.sleep(1)
        self._take_up()

    def _take_up(self):
        kept = dict(self._study.user_attrs[PREPARED])
        if kept.pop("key") != self._key:
            raise ValueError(
                f"The study {self._study.study_name!r} is of a search for another model, or with "
                "another target or other options. Give another directory or name of the study."
            )
        self._prepared = Prepared.from_dict(kept)
        variants = {
            name: Variant(model, model.get_weights(), self._prepared.plans[name])
            for name, model in self._models.items()
        }
        self._task = Task(
            methods=self._methods,
            variants=variants,
            trainer=Trainer(
                self._data, self._optimizer, self._teacher, self._block_size, self._trains_int8
            ),
            goal=Goal(
                self._prepared.dense,
                self._target.quantity,
                self._prepared.budget,
                self._metric,
                self._higher_is_better,
                self._prepared.reference,
                self._target.loss,
            ),
            epochs=self._epochs,
            seed=self._seed,
        )

    def run(self, trials):
        """Runs trials until so many are done."""
        run_trials(self._study, self._task, trials)

    def finish(self, epochs):
        """Trains the best once more and writes all files.

        Args:
            epochs: Int.

        Returns:
            A `CompressionResult`.
        """
        started = time.monotonic()
        found = self._train_best(epochs)
        result = CompressionResult(
            **found,
            report=os.fspath(self._directory / REPORT),
            target=self._given,
            metric=self._metric,
            higher_is_better=self._task.goal.higher_is_better,
            reference=self._prepared.reference,
            dense=self._prepared.dense,
            trials=tuple(map(Trial.of, self._study.get_trials())),
            seconds=self._seconds(started),
        )
        record = f"{to_json(result.to_dict())}\n".encode()
        write_atomically(self._directory / RECORD, record)
        write_report(result)
        return result

    def _train_best(self, epochs):
        """Trains as the best trial did, with more zeros until the file's cost is in the budget.

        Returns:
            A dictionary of the `CompressionResult`'s arguments that say what was trained.
        """
        best = best_of(self._study)
        method, coefficients, settings = choose(best, self._methods)
        variant, ruler = self._task.variant(method), self._rulers[METHODS[method].variant]
        budget = self._task.budget_of(best)
        variant.restore()
        plan = ruler.corrected(variant.plan, budget, self._prepared.dense, coefficients)
        keras.utils.set_random_seed(self._seed)
        sparsities, left = {}, epochs
        for _ in range(ATTEMPTS):
            before, sparsities = sparsities, plan.sparsities(budget, coefficients)
            if any(sparsities[name] < sparsity for name, sparsity in before.items()):
                variant.restore()  # Pruned weights would have to grow again from zero.
                left = epochs
            value, model = self._task.train(method, sparsities, settings, left)
            paths = self._write(model)
            predicted = plan.predicted(sparsities)
            share = ruler.share(Path(paths["path"]).read_bytes())
            cost = predicted if share is None else share * self._prepared.dense
            if cost <= budget * (1 + TOLERANCE):
                break
            plan = dataclasses.replace(plan, correction=plan.correction * cost / predicted)
            if model is variant.model:  # It trains on; a smaller model is made anew.
                left = self._task.epochs
        return {
            "method": method,
            "model": model,
            **paths,
            "value": value,
            "cost": cost,
            "predicted": predicted,
            "sparsities": sparsities,
            "table": plan.table,
            "sensitivity": plan.sensitivity,
        }

    def _write(self, model):
        """Writes a model, compiled as the given one was, and its file; returns their paths."""
        compile_again(model, renew_optimizer(self._optimizer, model))
        model_path, path = (os.fspath(self._directory / name) for name in (MODEL, FILE))
        model.save(model_path)
        conversion = dict(self._conversion)
        if self._trains_int8:
            del conversion["representative_dataset"]  # in favour of the ranges of the training
        convert(model, path, **conversion)
        if self._target.quantity == "archive":
            pack(path, os.fspath(self._directory / ARCHIVE))
        return {"model_path": model_path, "path": path}

    def _seconds(self, started):
        """What each stage took, the trials of all processes together."""
        took = [trial.user_attrs.get("seconds") for trial in self._study.get_trials()]
        return {
            "measurements": self._prepared.seconds,
            "trials": sum(filter(None, took)),
            "training": time.monotonic() - started,
        }


def _check_model(model):
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected a Keras 3 model. Received: {type(model)}")
    if not model.built or not getattr(model, "compiled", False) or model.optimizer is None:
        raise ValueError(
            f"Expected a trained model that is compiled with an optimizer and a loss. Model "
            f"{model.name!r} is not: call its compile."
        )
