"""Searches with real networks, and what the sampler tells a recorded agent."""

import datetime
import math
import pickle

import keras
import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from tfsparse.search.samplers import ddpg
from tfsparse.search.samplers.ddpg import DDPGSampler
from tfsparse.search.storage import open_storage

OPTIMUM = np.array([0.2, 0.9, 0.4, 0.7, 0.1, 0.6, 0.8, 0.3])
UNIT = FloatDistribution(0, 1)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def distance(trial):
    """A smooth function of eight parameters, 0 at its minimum."""
    x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(8)]
    return float(np.sum((x - OPTIMUM) ** 2))


def pruned_distance(trial):
    value = distance(trial)
    trial.report(value - 100, step=0)
    if trial.should_prune():
        raise optuna.TrialPruned
    return value


def run(sampler, num_trials, objective=distance, **arguments):
    study = optuna.create_study(sampler=sampler, **arguments)
    study.optimize(objective, n_trials=num_trials)
    return study


def sequence(study):
    return [trial.params for trial in study.trials]


def test_it_is_better_than_random_with_as_many_trials():
    ours = [run(DDPGSampler(seed, num_trials=60), 60).best_value for seed in range(3)]
    random = [run(optuna.samplers.RandomSampler(seed), 60).best_value for seed in range(3)]
    assert np.mean(ours) < np.mean(random) / 2
    assert max(ours) < min(random)


def test_pruned_trials_do_no_harm():
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    study = run(DDPGSampler(0, num_trials=60), 60, pruned_distance, pruner=pruner)
    assert sum(trial.state == TrialState.PRUNED for trial in study.trials) > 5
    random = run(optuna.samplers.RandomSampler(0), 60)
    assert study.best_value < random.best_value / 2


@pytest.fixture(scope="module")
def reference():
    """The trials of one sampler, without an interruption."""
    return sequence(run(DDPGSampler(0, num_trials=12), 8))


def test_a_seed_gives_the_same_trials(reference):
    assert sequence(run(DDPGSampler(0, num_trials=12), 8)) == reference
    assert sequence(run(DDPGSampler(1, num_trials=12), 1)) != reference[:1]
    assert len({trial["x0"] for trial in reference}) == 8


def test_a_resumed_study_goes_on_as_if_it_had_not_been_interrupted(reference, tmp_path):
    for num_trials in (5, 3):
        study = optuna.create_study(
            storage=open_storage(tmp_path / "study.log"),
            study_name="study",
            sampler=DDPGSampler(0, num_trials=12),
            load_if_exists=True,
        )
        study.optimize(distance, n_trials=num_trials)
    assert sequence(study) == reference


def test_a_copy_made_by_pickle_goes_on_alike(reference):
    study = run(DDPGSampler(0, num_trials=12), 5)
    study = pickle.loads(pickle.dumps(study))
    study.optimize(distance, n_trials=3)
    assert sequence(study) == reference


def test_it_neither_uses_nor_changes_what_is_global(reference):
    def objective(trial):
        keras.backend.clear_session()
        keras.utils.set_random_seed(trial.number)
        return distance(trial)

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert sequence(run(DDPGSampler(0, num_trials=12), 8, objective)) == reference
    finally:
        keras.config.set_dtype_policy("float32")
    following = np.random.rand(), float(keras.random.uniform(()))
    keras.utils.set_random_seed(7)
    assert following == (np.random.rand(), float(keras.random.uniform(())))


class Recorder:
    """An agent that keeps what it is told, and chooses the same for every step."""

    def __init__(self, features, num_startup, seed):
        self.features, self.num_startup = features, num_startup
        self.observed = []
        self.is_trained = True

    def observe(self, actions, value):
        self.observed.append((actions, value))

    def act(self, rng):
        return [0.25] * len(self.features)


@pytest.fixture
def recorder(monkeypatch):
    """A function that returns what a new sampler tells its agent of trials, and what it chooses."""
    monkeypatch.setattr(ddpg, "Agent", Recorder)

    def observe(trials, direction="minimize", **arguments):
        sampler = DDPGSampler(0, **arguments)
        study = optuna.create_study(direction=direction)
        study.add_trials(trials)
        study.ask()
        space = sampler.infer_relative_search_space(study, study.trials[-1])
        chosen = sampler.sample_relative(study, study.trials[-1], space)
        return sampler._agent, chosen

    return observe


def finished(value, x=0.5, *, state=TrialState.COMPLETE, second=0, **arguments):
    trial = create_trial(
        state=state, value=value, params={"x": x}, distributions={"x": UNIT}, **arguments
    )
    trial.datetime_complete = datetime.datetime(2026, 1, 1, 0, 0, second)
    return trial


def test_the_better_value_ranks_higher(recorder):
    trials = [finished(3.0), finished(1.0)]
    assert [value for _, value in recorder(trials)[0].observed] == [(0, -3.0), (0, -1.0)]
    agent, _ = recorder(trials, "maximize")
    assert [value for _, value in agent.observed] == [(0, 3.0), (0, 1.0)]


def test_pruned_trials_rank_last_and_failed_ones_are_ignored(recorder):
    trials = [
        finished(9.0),
        finished(-5.0, state=TrialState.PRUNED),
        finished(None, state=TrialState.FAIL),
        finished(8.0, constraints={"latency": 0.5}),
        finished(7.0, constraints={"latency": 0.1, "size": -1.0}),
    ]
    agent, _ = recorder(trials)
    values = [value for _, value in agent.observed]
    assert len(values) == 4
    pruned, far, near, complete = sorted(values)
    assert values == [complete, pruned, far, near]


def test_a_trial_that_was_pruned_before_it_had_all_parameters_is_ignored(recorder):
    early = create_trial(state=TrialState.PRUNED, params={}, distributions={})
    agent, _ = recorder([finished(1.0), early])
    assert len(agent.observed) == 1


def test_trials_count_in_the_order_in_which_they_finished(recorder):
    agent, _ = recorder([finished(1.0, 0.1, second=9), finished(2.0, 0.2, second=3)])
    assert [actions for actions, _ in agent.observed] == [[0.2], [0.1]]


def test_each_finished_trial_counts_once(monkeypatch):
    monkeypatch.setattr(ddpg, "Agent", Recorder)
    study = run(DDPGSampler(0), 5)
    assert len(study.sampler._agent.observed) == 4
    assert study.sampler._agent.num_startup == 50


def test_values_are_mapped_to_all_kinds_of_parameters(recorder):
    distributions = {
        "sparsity": FloatDistribution(0.5, 0.9),
        "rate": FloatDistribution(1e-4, 1e-2, log=True),
        "same": FloatDistribution(3, 3),
        "epochs": IntDistribution(1, 8),
        "method": CategoricalDistribution(("weights", "channels")),
    }
    params = {"sparsity": 0.7, "rate": 1e-3, "same": 3.0, "epochs": 3, "method": "channels"}
    trial = create_trial(value=1.0, params=params, distributions=distributions)
    agent, chosen = recorder([trial])
    np.testing.assert_allclose(agent.observed[0][0], [0.5, 0.5, 0.3125, 0.75])
    np.testing.assert_array_equal(agent.features, np.eye(4))
    assert list(chosen) == ["sparsity", "rate", "epochs", "method"]
    assert chosen["epochs"] == 3
    assert chosen["method"] == "weights"
    assert math.isclose(chosen["sparsity"], 0.6)
    assert math.isclose(chosen["rate"], 10**-3.5)


def test_features_describe_and_order_the_parameters(recorder):
    names = ("first", "second")
    trial = create_trial(
        value=1.0, params=dict.fromkeys(names, 0.5), distributions=dict.fromkeys(names, UNIT)
    )
    features = {"second": (3, 64), "other": (5, 5), "first": (1, 16)}
    agent, chosen = recorder([trial], features=features)
    assert list(chosen) == ["second", "first"]
    np.testing.assert_array_equal(agent.features, [[3, 64], [1, 16]])


def test_random_trials_differ_between_numbers_names_and_seeds():
    def sample(seed, number, name):
        trial = finished(1.0)
        trial.number = number
        return DDPGSampler(seed).sample_independent(None, trial, name, UNIT)

    values = [sample(*which) for which in ((0, 0, "x"), (1, 0, "x"), (0, 1, "x"), (0, 0, "y"))]
    assert len(set(values)) == 4
    assert sample(0, 0, "x") == values[0]


def test_errors_say_what_is_wrong(recorder):
    with pytest.raises(ValueError, match="Expected num_trials to be a positive int"):
        DDPGSampler(num_trials=0)
    with pytest.raises(ValueError, match="Expected seed to be an int of at least 0"):
        DDPGSampler(-1)
    with pytest.raises(ValueError, match=r"vectors of one length.*\(1,\), \(2,\)"):
        DDPGSampler(features={"x": [1], "y": [1, 2]})
    with pytest.raises(ValueError, match=r"Received those of: y\. Add: x\."):
        recorder([finished(1.0)], features={"y": [1]})
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=DDPGSampler())
    with pytest.raises(ValueError, match=r"one objective\. Received: 2\."):
        distance(study.ask())
