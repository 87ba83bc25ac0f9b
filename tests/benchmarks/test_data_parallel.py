import json
import subprocess
import sys
import threading
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

import tfsparse
from tests.benchmarks.scripts import FOLDER, loaded

SCRIPT = FOLDER / "data_parallel.py"


@pytest.fixture
def exchange():
    with loaded("data_parallel_exchange") as module:
        yield module


@pytest.fixture
def worker():
    with loaded("data_parallel_worker") as module:
        yield module


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def with_workers(exchange, count, averages, work):
    """Runs `work(client, number)`, which returns the report, in threads; returns what is served."""
    with exchange.Server(count) as server, mock.patch.dict("os.environ", server.environment):

        def work_and_end(number):
            client = exchange.Client(server.address, number, count)
            client.end(work(client, number))

        threads = [threading.Thread(target=work_and_end, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        found = server.serve(averages)
        for thread in threads:
            thread.join()
    return found


def test_means_are_those_of_all(exchange):
    seen = {}

    def work(client, number):
        seen[number] = [client.mean(np.float32([number, step])) for step in range(3)]
        return {"checksum": 1, "number": number}

    found = with_workers(exchange, 3, True, work)
    assert found == {"checksum": 1, "number": 0, "sent": 8, "received": 8}
    for means in seen.values():
        np.testing.assert_array_equal(means, [[1, 0], [1, 1], [1, 2]])


def test_all_get_the_messages_of_all_in_one_order(exchange):
    seen = {}

    def work(client, number):
        seen[number] = client.gather(b"x" * number)
        return {"checksum": 1}

    found = with_workers(exchange, 3, False, work)
    assert list(seen.values()) == [[b"", b"x", b"xx"]] * 3
    assert found["sent"] == 1
    assert found["received"] == 2


def test_other_weights_are_found(exchange):
    def work(client, number):
        client.mean(np.zeros(1, np.float32))
        return {"checksum": number}

    with pytest.raises(exchange.WorkerFailedError, match="weights differ"):
        with_workers(exchange, 2, True, work)


def test_a_worker_that_ends_at_its_start_is_told(exchange):
    with exchange.Server(2) as server:
        server.start([sys.executable, "-c", "raise SystemExit(1)"])
        with pytest.raises(exchange.WorkerFailedError, match="at its start"):
            server.serve(True)


def test_compressed_gradients_become_the_mean_of_what_is_decoded(worker):
    gradients = [np.float32([[1, -2], [3, 4]]), np.float32([0.5])]
    make = lambda seed: tfsparse.TernGrad(seed=seed)  # noqa: E731
    other = make(1).encode([2 * gradient for gradient in gradients])
    client = SimpleNamespace(gather=lambda message: [message, other])
    means = worker.exchange(gradients, make(0), client)
    own = make(0).decode(make(0).encode(gradients), gradients)
    for mean, a, b in zip(means, own, make(0).decode(other, gradients), strict=True):
        np.testing.assert_array_equal(mean, (a + b) / 2)


def test_workers_share_the_pictures(worker):
    options = {"workers": 3, "batch_size": 6, "seed": 1, "epochs": 2, "steps": None}
    steps = [list(worker.batches(20, {**options, "worker": number})) for number in range(3)]
    assert [len(own) for own in steps] == [6, 6, 6]
    epoch = np.concatenate([own[step] for own in steps for step in range(3)])
    assert len(set(epoch.tolist())) == 18
    assert worker.steps_of(20, {**options, "steps": 4}) == 4


def test_two_processes_train_and_have_equal_weights(pictures, tmp_path):
    result = run(
        *("terngrad", "--workers", 2, "--batch_size", 4, "--epochs", 2),
        *("--data", pictures, "--json", tmp_path / "out.json"),
    )
    assert result.returncode == 0, result.stderr
    plain, ternary = json.loads((tmp_path / "out.json").read_text())
    assert (plain["method"], ternary["method"]) == ("float32", "terngrad")
    assert plain["taken"] == ternary["taken"] == 4
    assert plain["sent"] == plain["received"] == 4 * plain["weights"]
    assert plain["weights"] / 20 < ternary["sent"] < plain["weights"] / 3
    assert ternary["received"] == ternary["sent"]
    assert "x sent" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["magic"], "Expected float32, terngrad"),
        (["--batch_size", "6"], "shared by all workers. Received: 6 for 4 workers"),
        (["--seeds", "a"], "--seeds takes ints. Received: a"),
        (["--data", "nowhere", "--workers", "2"], "Received: 'nowhere'"),
    ],
)
def test_says_what_is_wrong_with_its_arguments(arguments, message):
    result = run(*arguments)
    assert result.returncode == 1
    output = result.stdout + result.stderr
    assert message in output
    assert "Traceback" not in output
