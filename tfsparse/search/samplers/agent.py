"""Deep deterministic policy gradient for episodes with one reward at their end.

As AMC (He et al., 2018, https://arxiv.org/abs/1802.03494) and PocketFlow use it to choose a pruning
ratio for each layer: an episode has one step a layer, and each of its steps gets its reward.
"""

from bisect import bisect_left, bisect_right

import numpy as np

from tfsparse.search.samplers.actor_critic import ActorCritic

# PocketFlow's, of the baseline that is subtracted from rewards.
_BASELINE_DECAY = 0.95
# AMC's, of the noise of actions.
_NOISE = 0.5
_NOISE_DECAY = 0.95
# AMC's, too.
_REPLAY_EPISODES = 100
# Both have 1, for hundreds of episodes. With both learning rates at 1e-3 the best value of the 60
# trials in test_ddpg.py is 0.17 with 1, and 0.13 with 4: means of six seeds. It is 0.30 at random.
_UPDATES_PER_STEP = 4


class Agent:
    """Chooses the actions of an episode, and learns from the values of episodes.

    The networks depend on nothing but the arguments and the observed episodes in their order.

    Args:
        features: Float array (steps, size), which tells the steps apart.
        num_startup: Int, episodes before the first training.
        seed: Int.
    """

    def __init__(self, features, num_startup, seed):
        self._features = np.asarray(features, np.float32)
        self._num_startup = num_startup
        self._seed = seed
        self._networks = ActorCritic(self._features.shape[1] + 2, seed)
        self._actions = []
        self._values = []

    @property
    def is_trained(self):
        """Whether enough episodes were observed to act."""
        return len(self._values) >= self._num_startup

    def observe(self, actions, value):
        """Learns from a finished episode.

        Args:
            actions: A float in [0, 1] for each step.
            value: The higher the better: floats, or tuples of floats. Only its rank among all
                values counts.
        """
        self._actions.append(actions)
        self._values.append(value)
        if not self.is_trained:
            return
        episodes = len(self._values)
        new = episodes if episodes == self._num_startup else 1
        num_updates = _UPDATES_PER_STEP * new * len(self._features)
        rng = np.random.default_rng((self._seed, episodes))
        self._networks.train(self._transitions(), num_updates, rng)

    def act(self, rng):
        """Returns an action in [0, 1] for each step, with noise.

        Args:
            rng: NumPy's generator, for the noise.
        """
        noise = _NOISE * _NOISE_DECAY ** (len(self._values) - self._num_startup)
        actions = np.zeros((1, 0))
        for step in range(len(self._features)):
            mean = self._networks.act(self._state(step, actions)[0])
            action = _truncated_normal(mean, noise, rng)
            actions = np.append(actions, [[action]], axis=1)
        return actions[0].tolist()

    def _state(self, step, actions):
        """Float array (episodes, size) of the states before a step; actions (episodes, steps)."""
        episodes, steps = len(actions), len(self._features)
        decided = actions[:, :step].sum(axis=1) / steps
        previous = actions[:, step - 1] if step else np.zeros(episodes)
        features = np.tile(self._features[step], (episodes, 1))
        return np.column_stack([features, decided, previous]).astype(np.float32)

    def _transitions(self):
        actions = np.array(self._actions[-_REPLAY_EPISODES:], np.float32)
        rewards = _rewards(self._values)[-_REPLAY_EPISODES:]
        states = np.stack([self._state(i, actions) for i in range(actions.shape[1])], axis=1)
        has_next = np.ones_like(actions)
        has_next[:, -1] = 0
        # What follows the last step counts nothing.
        next_states = np.roll(states, -1, axis=1)
        columns = (states, actions, np.broadcast_to(rewards[:, None], actions.shape))
        columns += (next_states, has_next)
        rows = actions.size
        return [column.reshape(rows, -1) for column in columns]


def _rewards(values):
    """Ranks in (0, 1), equal ones of equal values, less their moving average.

    Ranks need no scale, and no outlier changes them: values may be infinite.
    """
    ordered = sorted(values)
    sides = [[bisect(ordered, v) for v in values] for bisect in (bisect_left, bisect_right)]
    ranks = np.mean(sides, axis=0) / len(values)
    baseline = ranks[0]
    for rank in ranks[1:]:
        baseline = _BASELINE_DECAY * baseline + (1 - _BASELINE_DECAY) * rank
    return ranks - baseline


def _truncated_normal(mean, deviation, rng):
    """A sample of the normal distribution within [0, 1]."""
    while True:
        sample = rng.normal(mean, deviation)
        if 0 <= sample <= 1:
            return sample
