"""The trials of a search: what they try, and how each is run."""

import dataclasses
import time

import keras

from tfsparse.search.losses import Coefficients
from tfsparse.search.methods import METHODS
from tfsparse.search.progress import Progress
from tfsparse.search.training import Settings, Trainer
from tfsparse.search.variants import Variant

# What a trial may choose: lowest and highest value, and whether in equal factors.
COEFFICIENTS = {
    "exponent": (0.25, 1.0, False),
    "first": (-1.5, 1.5, False),
    "middle": (-1.5, 1.5, False),
    "last": (-1.5, 1.5, False),
}
SETTINGS = {
    "learning_rate": (0.05, 1.0, True),
    "end": (0.3, 0.8, False),
    "distillation": (0.0, 0.9, False),
}
REDUCTION_FACTOR = 3  # of Hyperband
# So that the range of fractions is not empty for a model that pruning does not make faster.
MOST_LEAST = 0.9


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a trial is to reach, and by what it is judged.

    Attributes:
        dense: Float, the cost of the dense model, in the table's unit.
        quantity: `"latency"`, `"size"`, `"archive"` or `"macs"`.
        budget: Float, what the model may cost; or None to look for the least cost within a loss of
            the metric.
        metric: Name of the metric.
        higher_is_better: Bool.
        reference: Float, the metric of the dense model.
        loss: Float, the most that the metric may get worse, or None with a budget.
    """

    dense: float
    quantity: str
    budget: float | None
    metric: str
    higher_is_better: bool
    reference: float
    loss: float | None = None

    def loss_of(self, value):
        """How much worse than the dense model's a metric is."""
        return (self.reference - value) if self.higher_is_better else (value - self.reference)


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """What trials share.

    Attributes:
        methods: Tuple of names of methods, of which a trial chooses one.
        variants: Dictionary from what these prune, see `METHODS`, to a `Variant`.
        trainer: `Trainer`.
        goal: `Goal`.
        epochs: Int, of one trial.
        seed: Int.
    """

    methods: tuple[str, ...]
    variants: dict[str, Variant]
    trainer: Trainer
    goal: Goal
    epochs: int
    seed: int

    def variant(self, method):
        """The `Variant` that a method prunes."""
        return self.variants[METHODS[method].variant]

    def train(self, method, sparsities, settings, epochs, report=None):
        """Prunes and trains a model from its present weights.

        Args:
            method, sparsities, settings, epochs, report: As of `Trainer.fine_tune`.

        Returns:
            The metric, and the model that was trained.
        """
        found, model = self.trainer.fine_tune(
            self.variant(method).model, sparsities, settings, epochs, method, report
        )
        return float(found[self.goal.metric]), model

    def budget_of(self, trial):
        """What the model of a trial may cost; the trial chooses it if the loss is the target."""
        if self.goal.budget is not None:
            return self.goal.budget
        fraction = trial.params.get("fraction") or trial.suggest_float(
            "fraction", self.least_fraction, 1.0
        )
        return fraction * self.goal.dense

    @property
    def least_fraction(self):
        """The least cost that can be had, as a fraction of the dense model's."""
        plans = [variant.plan for variant in self.variants.values()]
        least = min(plan.correction * plan.table.least for plan in plans)
        return min(least / self.goal.dense, MOST_LEAST)


def make_study(storage, name, sampler, direction, epochs):
    """Opens a study, or makes one.

    Args:
        storage: Optuna's storage.
        name: Name of the study.
        sampler: Optuna's sampler.
        direction: `"maximize"` or `"minimize"`.
        epochs: Int, of a full trial; Hyperband stops poor ones before.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        sampler=sampler,
        pruner=optuna.pruners.HyperbandPruner(1, epochs, REDUCTION_FACTOR),
        direction=direction,
        load_if_exists=True,
    )


def enqueue_defaults(study, task):
    """Makes trials with the defaults the first ones of each method, unless they have been."""
    defaults = dataclasses.asdict(Coefficients()) | dataclasses.asdict(Settings())
    fractions = [{}]
    if task.goal.loss is not None:
        least = task.least_fraction
        # Of the way from the fastest to the dense model.
        fractions = [{"fraction": least + part * (1 - least)} for part in (0.5, 0.25)]
    methods = [{"method": name} for name in task.methods] if len(task.methods) > 1 else [{}]
    for method in methods:
        for fraction in fractions:
            study.enqueue_trial(defaults | method | fraction, skip_if_exists=True)


def run_trials(study, task, count):
    """Runs trials until so many are done, here or elsewhere; shows the best on stderr.

    Raises:
        RuntimeError: The metric of as many trials was not a number.
    """
    import optuna

    done = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED
    with Progress(count) as progress:
        for _ in range(2 * count):
            trials = study.get_trials(deepcopy=False, states=done)
            progress.show(len(trials), _best_text(study, task))
            if len(trials) >= count:
                return
            study.optimize(lambda trial: _run_or_repeat(study, trial, task), n_trials=1)
    raise RuntimeError(
        f"Expected {task.goal.metric} to be a number after training. It was not in {count} trials: "
        "give the model an optimizer with a smaller learning rate."
    )


def _run_or_repeat(study, trial, task):
    """Runs a trial; if the user stops it, the next call begins with the same one."""
    try:
        return run_trial(trial, task)
    except KeyboardInterrupt:
        study.enqueue_trial(trial.params)
        raise


def best_of(study):
    """The best finished trial.

    Raises:
        RuntimeError: There is none.
    """
    try:
        return study.best_trial
    except ValueError:
        raise RuntimeError(
            "Expected a trial that was trained to its end. All were stopped or failed: run more."
        ) from None


def _best_text(study, task):
    try:
        best = study.best_trial
    except ValueError:
        return ""
    percent = 100 * best.user_attrs["cost"] / task.goal.dense
    return (
        f"best {task.goal.metric} {best.user_attrs['metric']:.4f} "
        f"at {percent:.0f} % of the {task.goal.quantity}"
    )


def run_trial(trial, task):
    """Trains the model once with what a trial chooses; returns the trial's value.

    Raises:
        optuna.TrialPruned: The first epochs were poor.
    """
    import optuna

    method, coefficients, settings = choose(trial, task.methods)
    variant = task.variant(method)
    sparsities = variant.plan.sparsities(task.budget_of(trial), coefficients)
    cost = variant.plan.predicted(sparsities)
    trial.set_user_attr("sparsities", sparsities)
    trial.set_user_attr("cost", cost)
    keras.utils.set_random_seed(task.seed + trial.number)
    variant.restore()
    reporting = _Reporting(trial, task)
    started = time.monotonic()
    metric, _ = task.train(method, sparsities, settings, task.epochs, reporting)
    trial.set_user_attr("seconds", time.monotonic() - started)
    trial.set_user_attr("metric", metric)
    if reporting.is_poor:
        raise optuna.TrialPruned
    return _value(task.goal, cost, metric)


def choose(trial, methods):
    """What a trial, or a finished one's parameters, give.

    Args:
        trial: Optuna's trial.
        methods: Tuple of the names of methods to choose from.

    Returns:
        The name of a method, `Coefficients` and `Settings`.
    """
    # One choice is none: some samplers choose numbers only.
    is_choice = len(methods) > 1
    return (
        trial.suggest_categorical("method", methods) if is_choice else methods[0],
        Coefficients(**{name: _suggest(trial, name, *COEFFICIENTS[name]) for name in COEFFICIENTS}),
        Settings(**{name: _suggest(trial, name, *SETTINGS[name]) for name in SETTINGS}),
    )


def _suggest(trial, name, low, high, is_log):
    return trial.suggest_float(name, low, high, log=is_log)


def _value(goal, cost, metric):
    """The value of a trial: the metric; or the fraction of the cost, and above 1 if it is worse."""
    if goal.loss is None:
        return metric
    excess = goal.loss_of(metric) - goal.loss
    return cost / goal.dense if excess <= 0 else 1 + excess


class _Reporting:
    """Reports the metric after each epoch to the study, and stops where Hyperband says so."""

    def __init__(self, trial, task):
        self.is_poor = False
        self._trial, self._task = trial, task

    def __call__(self, epochs, found):
        """Returns whether to stop; see `Trainer.fine_tune`."""
        goal = self._task.goal
        metric = float(found[goal.metric])
        self._trial.report(metric if goal.loss is None else goal.loss_of(metric), epochs)
        self.is_poor = epochs < self._task.epochs and self._trial.should_prune()
        return self.is_poor
