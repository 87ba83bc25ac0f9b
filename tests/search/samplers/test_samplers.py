import sys

import optuna
import pytest

from tfsparse.search.samplers import make_sampler
from tfsparse.search.samplers.ddpg import DDPGSampler


@pytest.mark.parametrize("name", ["tpe", "cmaes", "ddpg", "random"])
def test_each_sampler_searches_and_repeats_itself(name):
    def trials():
        study = optuna.create_study(sampler=make_sampler(name, 3, num_trials=100))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=12)
        return [trial.params for trial in study.trials]

    assert trials() == trials()


def test_arguments_reach_the_samplers():
    assert isinstance(make_sampler(), optuna.samplers.TPESampler)
    sampler = make_sampler("ddpg", 3, num_trials=40)
    assert isinstance(sampler, DDPGSampler)
    assert sampler.__getstate__() == (3, 40, None)


@pytest.mark.parametrize(
    ("name", "package", "requirement"),
    [
        ("gp", "torch", "torch"),
        ("gp", "scipy", "scipy"),
        ("cmaes", "cmaes", r"'tfsparse\[search\]'"),
    ],
)
def test_missing_packages_are_asked_for(name, package, requirement, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{name}' needs {package}: pip install {requirement}"):
        make_sampler(name)


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match=r"tpe, gp, cmaes, ddpg, random\. Received: 'grid'"):
        make_sampler("grid")
    with pytest.raises(ValueError, match="Expected seed to be an int of at least 0"):
        make_sampler("random", -1)
