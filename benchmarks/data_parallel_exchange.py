"""How the workers of a data-parallel training exchange bytes: a server between them on loopback.

A worker sends what it has in a step, and gets what the server makes of all: their mean, or the
messages of all others. In the end it sends a JSON object.
"""

import json
import os
import secrets
import socket
import subprocess
from multiprocessing.connection import Connection

import numpy as np

_STEP, _END = b"s", b"e"
_TOKEN = "TFSPARSE_TOKEN"


class WorkerFailedError(Exception):
    """A worker has ended before the training has."""


class Server:
    """Starts workers, answers them, and ends those that are left when its context ends.

    Args:
        workers: Int, how many.
    """

    def __init__(self, workers):
        self._count = workers
        self._token = secrets.token_hex()
        self._processes, self._connections = [], []

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=self._count)
        self._socket.settimeout(0.5)
        self.address = self._socket.getsockname()
        return self

    def __exit__(self, *_):
        for connection in self._connections:
            connection.close()
        self._socket.close()
        for process in self._processes:
            process.kill()
            process.wait()

    @property
    def environment(self):
        """The environment variables of a worker."""
        return {**os.environ, _TOKEN: self._token}

    def start(self, command):
        """Starts a worker process."""
        self._processes.append(subprocess.Popen(command, env=self.environment))

    def serve(self, averages):
        """Answers all workers until the end.

        Args:
            averages: Whether workers send float32, and get the mean.

        Returns:
            What the first worker sent last, a dict, with the mean bytes `sent` and `received` by a
            worker in a step.

        Raises:
            WorkerFailedError: A worker has ended too early, or their weights differ.
        """
        self._connections = self._accept()
        sent = received = steps = 0
        while True:
            messages = [self._receive(connection) for connection in self._connections]
            if messages[0][:1] == _END:
                break
            payloads = [message[1:] for message in messages]
            answers = _mean(payloads) if averages else _others(payloads)
            for connection, parts in zip(self._connections, answers, strict=True):
                for part in parts:
                    connection.send_bytes(part)
            sent += sum(map(len, payloads)) / self._count
            received += sum(len(part) for parts in answers for part in parts) / self._count
            steps += 1
        reports = [json.loads(message[1:]) for message in messages]
        if len({report["checksum"] for report in reports}) > 1:
            raise WorkerFailedError("The workers' weights differ: their exchange has a fault.")
        return {**reports[0], "sent": sent / steps, "received": received / steps}

    def _accept(self):
        found = {}
        while len(found) < self._count:
            if any(process.poll() is not None for process in self._processes):
                raise WorkerFailedError("A worker has ended at its start; its error is above.")
            try:
                accepted = self._socket.accept()[0]
            except TimeoutError:
                continue
            accepted.setblocking(True)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted.detach())
            token, worker = connection.recv_bytes(1000).decode().split()
            if secrets.compare_digest(token, self._token):
                found[int(worker)] = connection
        return [found[worker] for worker in range(self._count)]

    def _receive(self, connection):
        try:
            return connection.recv_bytes()
        except (EOFError, OSError):
            raise WorkerFailedError(
                "A worker has ended before the training; its error is above."
            ) from None


class Client:
    """A worker's side.

    Args:
        address: Host and port of the server.
        worker: Int, its number.
        workers: Int, how many there are.
    """

    def __init__(self, address, worker, workers):
        self._worker, self._workers = worker, workers
        connected = socket.create_connection(address)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = Connection(connected.detach())
        self._connection.send_bytes(f"{os.environ[_TOKEN]} {worker}".encode())

    def mean(self, array):
        """Returns the mean of an array of float32 over all workers."""
        self._connection.send_bytes(_STEP + array.tobytes())
        return np.frombuffer(self._connection.recv_bytes(), np.float32)

    def gather(self, message):
        """Returns the messages of all workers, in their order: a list of bytes."""
        self._connection.send_bytes(_STEP + message)
        others = [self._connection.recv_bytes() for _ in range(self._workers - 1)]
        return [*others[: self._worker], message, *others[self._worker :]]

    def end(self, report):
        """Sends a dict that has a `checksum` of the weights, and closes the connection."""
        self._connection.send_bytes(_END + json.dumps(report).encode())
        self._connection.close()


def _mean(payloads):
    total = sum(np.frombuffer(payload, np.float32) for payload in payloads)
    mean = (total / np.float32(len(payloads))).tobytes()
    return [[mean] for _ in payloads]


def _others(payloads):
    return [payloads[:worker] + payloads[worker + 1 :] for worker in range(len(payloads))]
