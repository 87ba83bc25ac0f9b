"""A warning shows the line of the user's code that calls the library."""

import keras
import numpy as np
import pytest
import tf_keras

import tfsparse
from tfsparse.user_warnings import warn


def test_it_is_the_line_of_the_caller():
    with pytest.warns(UserWarning, match="something") as caught:
        warn("something")
    assert [one.filename for one in caught] == [__file__]


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_callback_shows_the_line_of_fit(package):
    model = package.Sequential([package.layers.Dense(3)])
    model.build((None, 8))
    model.compile("sgd", "mse")
    late = tfsparse.PolynomialDecay(0.5, end=1000)
    with pytest.warns(UserWarning, match="The schedule ends at step 1000") as caught:
        model.fit(
            np.zeros((2, 8)),
            np.zeros((2, 3)),
            verbose=0,
            callbacks=[tfsparse.GradualPruning(schedule=late, scope="all")],
        )
    assert {one.filename for one in caught} == {__file__}
