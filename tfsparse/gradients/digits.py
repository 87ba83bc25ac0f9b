"""Small numbers as bytes: as many digits in a byte as fit."""

import numpy as np


def digits_in_byte(base):
    """Returns how many digits of a base, an int from 2 to 256, fit in a byte: 5 of base 3."""
    count = 1
    while base ** (count + 1) <= 256:
        count += 1
    return count


def packed_size(count, base):
    """Returns the bytes that a number of digits takes."""
    return -(-count // digits_in_byte(base))


def pack_digits(digits, base):
    """Returns digits as bytes.

    Args:
        digits: Array of ints from 0 to base - 1, (count,).
        base: Int from 2 to 256.
    """
    width = digits_in_byte(base)
    padded = np.zeros(packed_size(len(digits), base) * width, np.uint8)
    padded[: len(digits)] = digits
    return (padded.reshape(-1, width) @ _weights(base)).astype(np.uint8).tobytes()


def unpack_digits(data, base, count):
    """Returns the digits that `pack_digits` packed, an array of uint8, (count,).

    Raises:
        ValueError: The bytes are not those of so many digits.
    """
    width = digits_in_byte(base)
    found = np.frombuffer(data, np.uint8)
    if len(found) != packed_size(count, base):
        raise ValueError(
            f"Expected {packed_size(count, base)} bytes of {count} digits of base {base}. "
            f"Received: {len(found)} bytes"
        )
    if len(found) and found.max() >= base**width:
        raise ValueError(
            f"Expected bytes below {base**width}, which are {width} digits of base {base}. "
            f"Received: {found.max()}"
        )
    digits = found[:, None] // _weights(base) % base
    return digits.astype(np.uint8).reshape(-1)[:count]


def _weights(base):
    return base ** np.arange(digits_in_byte(base), dtype=np.uint16)
