"""The result of a search, and the record of its trials."""

import dataclasses
from typing import Any

from tfsparse.formatting import as_text, duration, number_of
from tfsparse.prune.weights.sensitivity import Sensitivity
from tfsparse.search.cost_table import CostTable


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial of a search.

    Attributes:
        number: Int.
        state: `"complete"`, `"pruned"` after poor first epochs, `"failed"`, or `"running"`, also in
            a process that was killed.
        parameters: Dictionary of what the trial chose.
        metric: Float, after its last epoch, or None.
        cost: Float, predicted in the table's unit, or None.
        sparsities: Dictionary from names of layers, or of groups of channels, to floats.
        seconds: Float, time of its training, or None.
    """

    number: int
    state: str
    parameters: dict
    metric: float | None
    cost: float | None
    sparsities: dict
    seconds: float | None

    @classmethod
    def of(cls, trial):
        """Returns the record of a trial of Optuna."""
        kept = trial.user_attrs
        return cls(
            number=trial.number,
            state={"fail": "failed"}.get(trial.state.name.lower(), trial.state.name.lower()),
            parameters=dict(trial.params),
            metric=kept.get("metric"),
            cost=kept.get("cost"),
            sparsities=kept.get("sparsities", {}),
            seconds=kept.get("seconds"),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class CompressionResult:
    """The best model that a search found. It prints as a summary.

    Attributes:
        model: The Keras model, pruned and trained.
        method: Name of the method that it was trained with.
        model_path: Its `.keras` file.
        path: Its `.tflite` file.
        report: The page with all trials.
        target: Dictionary, as it was given.
        metric: Name of the metric.
        higher_is_better: Bool.
        reference: Float, the metric of the dense model.
        value: Float, that of the result.
        dense: Float, the cost of the dense model, in the table's unit.
        cost: Float, that of the result: as measured, or as predicted where it cannot be measured.
        predicted: Float, the cost as predicted before the result was measured.
        sparsities: Dictionary from names of layers to the fraction of zeros in each; of the method
            `"channels"` from names of groups to the fraction of channels that was cut.
        trials: Tuple of `Trial`.
        table, sensitivity: What the sparsities were chosen from.
        seconds: Dictionary of what each stage took: `measurements`, `trials`, `training`.
    """

    model: Any
    method: str
    model_path: str
    path: str
    report: str
    target: dict
    metric: str
    higher_is_better: bool
    reference: float
    value: float
    dense: float
    cost: float
    predicted: float
    sparsities: dict
    trials: tuple[Trial, ...]
    table: CostTable
    sensitivity: Sensitivity
    seconds: dict

    @property
    def fraction(self) -> float:
        """The cost as a fraction of the dense model's."""
        return self.cost / self.dense

    def to_dict(self) -> dict:
        """Returns everything but the model, as values of JSON."""
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("model", "trials", "table", "sensitivity")
        }
        return {
            **fields,
            "fraction": self.fraction,
            "trials": [dataclasses.asdict(trial) for trial in self.trials],
            "table": dataclasses.asdict(self.table),
            "sensitivity": dataclasses.asdict(self.sensitivity),
        }

    def __str__(self):
        return as_text(self, width=120)

    def __rich__(self):
        """The summary for rich's consoles."""
        times = ", ".join(f"{stage} {duration(took)}" for stage, took in self.seconds.items())
        return "\n".join(
            [
                f"{self.path}: {self.table.quantity} {self.table.amount(self.cost)} of "
                f"{self.table.amount(self.dense)}, {100 * self.fraction:.1f} %",
                f"{self.metric} {self.value:.4f}, and {self.reference:.4f} of the dense model",
                f"{number_of(len(self.trials), 'trial')}, the best with the method {self.method}; "
                f"{times}",
                f"{self.model_path}, {self.report}",
            ]
        )
