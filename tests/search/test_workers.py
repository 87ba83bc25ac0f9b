"""Several processes work on one study, and one of them is killed."""

import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.search import postgresql
from tfsparse.search.storage import open_storage

ROOT = Path(__file__).parents[2]
HEARTBEAT_INTERVAL = 2


@pytest.fixture(params=["file", "postgresql"])
def location(request, tmp_path):
    if request.param == "file":
        yield str(tmp_path / "study.log")
    elif postgresql.NOT_INSTALLED:
        pytest.skip(postgresql.NOT_INSTALLED)
    else:
        with postgresql.server() as url:
            yield url


def start(location, *arguments):
    interval = f"--heartbeat_interval={HEARTBEAT_INTERVAL}"
    command = [sys.executable, "-m", "tests.search.worker", location, interval, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def numbers(output, event):
    """The trials of which a worker has printed an event."""
    lines = [line.split() for line in output.splitlines()]
    return [int(number) for name, number in lines if name == event]


def test_a_killed_worker_loses_one_trial(location):
    victim = start(location, "--trials=1000", "--sleep=600")
    survivor = start(location, "--trials=20")
    first = victim.stdout.readline()
    victim.kill()
    rest, _ = victim.communicate()
    (lost,) = numbers(first + rest, "started")
    finished = numbers(survivor.communicate()[0], "finished")
    assert survivor.returncode == 0

    # Until PostgreSQL's worker counts as dead.
    time.sleep(2 * HEARTBEAT_INTERVAL + 1)
    late = start(location, "--trials=30")
    finished += numbers(late.communicate()[0], "finished")
    assert late.returncode == 0

    study = optuna.load_study(study_name="study", storage=open_storage(location))
    states = {trial.number: trial.state for trial in study.trials}
    complete = [number for number, state in states.items() if state == TrialState.COMPLETE]
    assert sorted(finished) == complete
    assert set(states) - set(complete) == {lost}
    assert len(complete) == 30
    retried = [t.number for t in study.trials if t.params == study.trials[lost].params]
    if location.startswith("postgresql"):
        assert states[lost] == TrialState.FAIL
        assert len(retried) == 2
    else:
        assert states[lost] == TrialState.RUNNING
        assert retried == [lost]
