import numpy as np
import pytest

from tfsparse.search.samplers.actor_critic import ActorCritic


@pytest.fixture(scope="module")
def trained():
    """Networks of two steps: the reward, of both, is highest if the actions are 0.2 and 0.8."""
    networks = ActorCritic(2, seed=0)
    rng = np.random.default_rng(0)
    episodes = 300
    actions = rng.random((episodes, 2))
    rewards = -np.sum((actions - [0.2, 0.8]) ** 2, axis=1)
    rewards -= np.mean(rewards)
    states = np.tile(np.eye(2), (episodes, 1))
    transitions = [
        states,
        actions.reshape(-1, 1),
        np.repeat(rewards, 2)[:, None],
        np.roll(states, 1, axis=1),
        np.tile([[1.0], [0.0]], (episodes, 1)),
    ]
    before = [networks.act(state) for state in np.eye(2)]
    networks.train(transitions, 3000, rng)
    return networks, before


def test_an_untrained_actor_has_no_preference(trained):
    np.testing.assert_allclose(trained[1], 0.5, atol=0.02)


def test_the_actor_finds_what_is_rewarded(trained):
    np.testing.assert_allclose([trained[0].act(s) for s in np.eye(2)], [0.2, 0.8], atol=0.1)


def test_the_critic_learns_discounted_rewards(trained):
    def value(step, action):
        return float(trained[0]._critic(np.array([[1 - step, step, action]], np.float32))[0, 0])

    # The other step's action is random: 0.2 and 0.8 are better than the mean by this.
    gain = 1 / 12 + 0.3**2
    last, first = value(1, 0.8), value(0, 0.2)
    assert last == pytest.approx(gain, abs=0.08)
    # The first step has, after its own reward, the value of the last one.
    assert first == pytest.approx(gain + 0.9 * last, abs=0.12)
    assert value(0, 0.9) < first - 0.1
