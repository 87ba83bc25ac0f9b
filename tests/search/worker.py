"""A process that works on a study; test_workers.py starts some.

Prints "started N" and "finished N" for the trial of that number, each on a line of its own.
"""

import argparse
import time

import optuna
from optuna.trial import TrialState

from tfsparse.search.storage import open_storage

parser = argparse.ArgumentParser()
parser.add_argument("location")
parser.add_argument("--trials", type=int, help="complete ones in the study, after which it ends")
parser.add_argument("--sleep", type=float, default=0.05, help="seconds of a trial")
parser.add_argument("--heartbeat_interval", type=int, default=60)
arguments = parser.parse_args()


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    print("started", trial.number, flush=True)
    time.sleep(arguments.sleep)
    return x


def report(study, trial):
    print("finished", trial.number, flush=True)


storage = open_storage(arguments.location, heartbeat_interval=arguments.heartbeat_interval)
study = optuna.create_study(
    storage=storage,
    study_name="study",
    sampler=optuna.samplers.RandomSampler(),
    load_if_exists=True,
)
enough = optuna.study.MaxTrialsCallback(arguments.trials, states=(TrialState.COMPLETE,))
study.optimize(objective, callbacks=[report, enough])
