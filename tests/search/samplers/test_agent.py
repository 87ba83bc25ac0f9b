"""The learner alone, without Optuna."""

import numpy as np

from tfsparse.search.samplers import agent as agents


def test_rewards_are_ranks_less_their_moving_average():
    rewards = agents._rewards([5.0, -np.inf, 7.0, 5.0])
    # Ranks 0.5, 0.125, 0.875, 0.5.
    baseline = 0.5
    for rank in (0.125, 0.875, 0.5):
        baseline = 0.95 * baseline + 0.05 * rank
    np.testing.assert_allclose(rewards + baseline, [0.5, 0.125, 0.875, 0.5])


def test_rewards_have_no_scale():
    values = np.random.default_rng(0).normal(size=20)
    np.testing.assert_array_equal(agents._rewards(values), agents._rewards(1e6 * np.exp(values)))


def test_samples_of_noise_stay_in_range():
    rng = np.random.default_rng(0)
    samples = np.array([agents._truncated_normal(0.9, 0.5, rng) for _ in range(1000)])
    assert 0 <= samples.min() < 0.05
    assert 0.95 < samples.max() <= 1
    assert abs(agents._truncated_normal(0.3, 1e-6, rng) - 0.3) < 1e-5


def test_transitions_lead_from_step_to_step():
    agent = agents.Agent(np.eye(3), num_startup=5, seed=0)
    agent.observe([0.3, 0.6, 0.9], 1.0)
    agent.observe([0.1, 0.2, 0.3], 2.0)
    states, actions, rewards, next_states, has_next = agent._transitions()
    np.testing.assert_allclose(
        states[:3], [[1, 0, 0, 0, 0], [0, 1, 0, 0.1, 0.3], [0, 0, 1, 0.3, 0.6]], rtol=1e-6
    )
    np.testing.assert_array_equal(next_states[[0, 1, 3, 4]], states[[1, 2, 4, 5]])
    np.testing.assert_allclose(actions[:, 0], [0.3, 0.6, 0.9, 0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_array_equal(has_next[:, 0], [1, 1, 0, 1, 1, 0])
    assert len(set(rewards[:3, 0])) == len(set(rewards[3:, 0])) == 1
    assert rewards[0] < rewards[3]
