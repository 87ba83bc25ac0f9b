import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsparse.gradients.digits import digits_in_byte, pack_digits, packed_size, unpack_digits


@given(st.integers(2, 256), st.integers(0, 40), st.integers(0, 100))
def test_digits_come_back(base, count, seed):
    digits = np.random.default_rng(seed).integers(0, base, count).astype(np.uint8)
    data = pack_digits(digits, base)
    assert len(data) == packed_size(count, base)
    np.testing.assert_array_equal(unpack_digits(data, base, count), digits)


def test_the_largest_digits_come_back():
    for base in (3, 9, 255, 256):
        digits = np.full(11, base - 1, np.uint8)
        np.testing.assert_array_equal(unpack_digits(pack_digits(digits, base), base, 11), digits)


@pytest.mark.parametrize(("base", "count"), [(2, 8), (3, 5), (4, 4), (9, 2), (17, 1), (256, 1)])
def test_a_byte_has_as_many_as_fit(base, count):
    assert digits_in_byte(base) == count


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="Expected 2 bytes of 6 digits of base 3"):
        unpack_digits(b"a", 3, 6)
    with pytest.raises(ValueError, match=r"bytes below 243.*Received: 243"):
        unpack_digits(b"\xf3", 3, 5)
