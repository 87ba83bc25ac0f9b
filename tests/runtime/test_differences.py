import numpy as np
import pytest

from tfsparse.runtime import differences


class Fake:
    """An interpreter of one output."""

    def __init__(self, output):
        self.output = np.array(output, np.float32)
        self.invocations = 0

    def get_output_details(self):
        return [{"index": 2}]

    def get_tensor(self, index):
        assert index == 2
        return self.output

    def invoke(self):
        self.invocations += 1


@pytest.mark.parametrize(
    ("baseline", "candidate", "difference"),
    [
        ([1, -4], [1, -4], 0),
        ([1, -4], [1.5, -4], 0.125),
        ([0, 0], [0, 0.25], 0.25),
        ([1, 2], [1, np.nan], np.inf),
        ([1, np.inf], [1, np.inf], np.inf),
    ],
)
def test_the_difference_is_a_part_of_the_largest_output(baseline, candidate, difference):
    pair = Fake(baseline), Fake(candidate)
    assert differences.output_difference(*pair) == difference
    assert [one.invocations for one in pair] == [1, 1]
