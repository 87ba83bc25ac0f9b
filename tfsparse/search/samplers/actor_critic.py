"""The networks of deep deterministic policy gradient, and their training.

As in Lillicrap et al., "Continuous control with deep reinforcement learning", 2015
(https://arxiv.org/abs/1509.02971), algorithm 1.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

# The constants of PocketFlow (https://github.com/Tencent/PocketFlow), rl_agents/ddpg.
_WIDTH = 64
_DISCOUNT = 0.9
_TARGET_RATE = 0.01
_CRITIC_LEARNING_RATE = 1e-3
# Lower, as in AMC: at the critic's, which PocketFlow has for both, the actor follows a critic that
# is still wrong to 0 or 1, where the gradient of its sigmoid vanishes.
_ACTOR_LEARNING_RATE = 2e-4
_BATCH_SIZE = 64
# Lillicrap et al., section 7.
_LAST_WEIGHTS = 3e-3
# Small networks run slower on a GPU, which the objective may fill.
_DEVICE = "CPU:0"


class ActorCritic:
    """An actor, a critic, and their targets.

    All are made with seeds of their own and in float32: Keras's global seed and policy are neither
    used nor changed.

    Args:
        state_size: Int, the length of a state.
        seed: Int, seed of the initial weights.
    """

    def __init__(self, state_size, seed):
        with tf.device(_DEVICE):
            rng = np.random.default_rng(seed)
            self._actor = _network(state_size, rng, "sigmoid")
            self._critic = _network(state_size + 1, rng, None)
            self._targets = [keras.models.clone_model(m) for m in (self._actor, self._critic)]
            rates = (_ACTOR_LEARNING_RATE, _CRITIC_LEARNING_RATE)
            self._optimizers = [keras.optimizers.Adam(rate) for rate in rates]
            for optimizer, network in zip(self._optimizers, self._networks, strict=True):
                optimizer.build(network.trainable_variables)
        for target, network in zip(self._targets, self._networks, strict=True):
            target.set_weights(network.get_weights())
        self._act = tf.function(self._actor, input_signature=[_matrix(state_size)])
        columns = [_matrix(size) for size in (state_size, 1, 1, state_size, 1)]
        batches = tf.TensorSpec([None, _BATCH_SIZE], tf.int32)
        self._train = tf.function(self._train_batches, input_signature=[columns, batches])

    @property
    def _networks(self):
        return self._actor, self._critic

    def act(self, state):
        """Returns the actor's action, a float in [0, 1], for a state, a float array."""
        with tf.device(_DEVICE):
            return float(self._act(np.asarray(state, np.float32)[None])[0, 0])

    def train(self, transitions, num_updates, rng):
        """Trains both networks.

        Args:
            transitions: A list of float arrays with a row for each transition: states, actions,
                rewards, next states, and whether there is a next state (1 or 0). All but states
                have one column.
            num_updates: Int, how often each network is updated.
            rng: NumPy's generator, which draws the batches.
        """
        batches = rng.integers(len(transitions[0]), size=(num_updates, _BATCH_SIZE), dtype=np.int32)
        with tf.device(_DEVICE):
            self._train([np.asarray(column, np.float32) for column in transitions], batches)

    def _train_batches(self, transitions, batches):
        for rows in batches:
            self._train_batch(*[tf.gather(column, rows) for column in transitions])

    def _train_batch(self, state, action, reward, next_state, has_next):
        target_actor, target_critic = self._targets
        next_value = _value(target_critic, next_state, target_actor(next_state))
        value = reward + _DISCOUNT * has_next * next_value
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(_value(self._critic, state, action) - value))
        variables = self._critic.trainable_variables
        critic_gradients = tape.gradient(loss, [v.value for v in variables])
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(_value(self._critic, state, self._actor(state)))
        actor_gradients = tape.gradient(loss, [v.value for v in self._actor.trainable_variables])
        self._optimizers[0].apply(actor_gradients)
        self._optimizers[1].apply(critic_gradients)
        for target, network in zip(self._targets, self._networks, strict=True):
            for slow, fast in zip(target.variables, network.variables, strict=True):
                slow.assign(slow + _TARGET_RATE * (fast - slow))


def _network(input_size, rng, activation):
    """Two hidden layers and one output. NumPy's generator draws the seeds of the weights."""
    glorot, small = keras.initializers.GlorotUniform, keras.initializers.RandomUniform
    layers = [
        keras.layers.Dense(
            units,
            function,
            kernel_initializer=initializer(seed=int(rng.integers(2**31))),
            dtype="float32",
        )
        # The last is small, so that all actions start at 0.5 and all values at 0.
        for units, function, initializer in (
            (_WIDTH, "relu", glorot),
            (_WIDTH, "relu", glorot),
            (1, activation, functools.partial(small, -_LAST_WEIGHTS, _LAST_WEIGHTS)),
        )
    ]
    return keras.Sequential([keras.Input((input_size,)), *layers])


def _value(critic, state, action):
    return critic(tf.concat([state, action], axis=1))


def _matrix(columns):
    return tf.TensorSpec([None, columns], tf.float32)
