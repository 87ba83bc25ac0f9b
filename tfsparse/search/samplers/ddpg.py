"""A sampler for Optuna that learns by reinforcement, as PocketFlow and AMC do."""

import math
import threading
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.samplers import BaseSampler
from optuna.search_space import intersection_search_space
from optuna.study import StudyDirection
from optuna.trial import TrialState

from tfsparse.arguments import check_int
from tfsparse.search.samplers.agent import Agent
from tfsparse.search.samplers.unit_interval import from_unit, to_unit

# PocketFlow's: 50 of 200 episodes.
_STARTUP_SHARE = 0.25
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class DDPGSampler(BaseSampler):
    """Samples parameters by deep deterministic policy gradient (DDPG).

    A trial is an episode. Each of its parameters is a step, in the order in which the study's first
    complete trial suggested them. An actor sees which parameter it is, the sum of the choices
    before it and the last one, and chooses a number in [0, 1]. This is mapped to the parameter's
    range, linearly or by the logarithm. Each int, each step of a float and each choice of a
    categorical has an interval of the same length. Choices next to each other thus count as alike,
    which suits numbers more than names.

    The first quarter of the trials is random. Then the actor chooses, with normal noise of a
    deviation of 0.5 that decays by 0.95 each trial. Actor and critic have two layers of 64 units,
    and are updated after each trial, four times for each parameter. The reward, of every step, is
    the rank of the trial's value among all values, less a moving average. Trials that violate
    constraints rank below the others, by the sum of their violations, and pruned ones last. Failed
    trials are ignored.

    The sampler stores nothing: it learns from the study's trials in the order in which they
    finished. So a resumed study goes on as if it had not been interrupted, and several processes
    learn from each other's trials. They may have the same seed. With one process, the same seed
    gives the same trials.

    The method and its constants are those of AMC (He et al., 2018,
    https://arxiv.org/abs/1802.03494) and of PocketFlow (https://github.com/Tencent/PocketFlow).

    Args:
        seed: Int, or None for a random one.
        num_trials: Int, the trials that are planned in all processes together. A quarter of them is
            random.
        features: Mapping from names of parameters to vectors of floats, of one length, that
            describe them: the shape of a layer, for example. They order the steps, and take the
            place of the parameter's number in the actor's input. It must name all parameters.

    Raises:
        ValueError: An argument is out of its range, or vectors differ in length. When a trial
            starts: the study has several objectives, or `features` lacks a parameter.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        num_trials: int = 200,
        features: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        check_int("num_trials", num_trials)
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        check_int("seed", seed, least=0)
        self._seed = seed
        self._num_trials = num_trials
        self._features = None if features is None else _checked_features(features)
        self._lock = threading.Lock()
        self._space = None
        self._agent = None
        self._seen = set()

    def __getstate__(self):
        """What it has learned is learned again, from the study."""
        return self._seed, self._num_trials, self._features

    def __setstate__(self, state):
        seed, num_trials, features = state
        self.__init__(seed, num_trials=num_trials, features=features)

    def infer_relative_search_space(self, study, trial):
        """Returns the parameters that all complete trials have, in the order of the steps."""
        if len(study.directions) > 1:
            raise ValueError(
                f"Expected a study with one objective. Received: {len(study.directions)}. Use the "
                'sampler "tpe", or make all but one constraints.'
            )
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        space = intersection_search_space(complete)
        names = [n for trial in complete[:1] for n in trial.params if n in space]
        if self._features is not None:
            missing = [name for name in names if name not in self._features]
            if missing:
                raise ValueError(
                    f"Expected features of each parameter. Received those of: "
                    f"{', '.join(self._features)}. Add: {', '.join(missing)}."
                )
            names = [name for name in self._features if name in space]
        return {name: space[name] for name in names if not space[name].single()}

    def sample_relative(self, study, trial, search_space):
        """Returns the actor's choice of all parameters; none while trials are random."""
        if not search_space:
            return {}
        with self._lock:
            self._learn(study, search_space)
            if not self._agent.is_trained:
                return {}
            actions = self._agent.act(np.random.default_rng((self._seed, trial.number)))
        pairs = zip(search_space.items(), actions, strict=True)
        return {name: from_unit(distribution, action) for (name, distribution), action in pairs}

    def sample_independent(self, study, trial, param_name, param_distribution):
        """Returns a random value; it depends on the seed, the trial's number and the name."""
        rng = np.random.default_rng((self._seed, trial.number, zlib.crc32(param_name.encode())))
        return from_unit(param_distribution, rng.random())

    def _learn(self, study, space):
        """Brings the agent up to the study's finished trials."""
        if self._space != (study.study_name, list(space.items())):
            self._space = (study.study_name, list(space.items()))
            startup = max(1, round(_STARTUP_SHARE * self._num_trials))
            self._agent = Agent(self._feature_vectors(space), startup, self._seed)
            self._seen = set()
        finished = study.get_trials(deepcopy=False, states=_FINISHED)
        new = [trial for trial in finished if trial.number not in self._seen]
        for trial in sorted(new, key=lambda trial: (trial.datetime_complete, trial.number)):
            self._seen.add(trial.number)
            # A pruned one may have stopped before it had them all.
            if all(trial.distributions.get(name) == d for name, d in space.items()):
                actions = [to_unit(d, trial.params[name]) for name, d in space.items()]
                self._agent.observe(actions, _value(study.direction, trial))

    def _feature_vectors(self, space):
        if self._features is None:
            return np.eye(len(space))
        return np.array([self._features[name] for name in space])


def _value(direction, trial):
    """What is to be maximised: constraints first."""
    if trial.state == TrialState.PRUNED:
        return -math.inf, 0.0
    violation = sum(max(0.0, constraint) for constraint in trial.constraints.values())
    return -violation, trial.value if direction == StudyDirection.MAXIMIZE else -trial.value


def _checked_features(features):
    features = {name: np.array(vector, np.float32) for name, vector in features.items()}
    shapes = {vector.shape for vector in features.values()}
    if len(shapes) != 1 or len(min(shapes)) != 1:
        raise ValueError(
            "Expected features to be vectors of one length, by names of parameters. Received "
            f"shapes: {sorted(shapes)}"
        )
    return features
