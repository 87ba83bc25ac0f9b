"""Entropy coding of bytes; `delegate/core/unpacking/symbols.cc` decodes it.

The coder is a range variant of asymmetric numeral systems (rANS), from Duda, "Asymmetric numeral
systems", 2013 (https://arxiv.org/abs/1311.2540).
"""

import math
import struct

import numpy as np

_STORED, _CONSTANT, _CODED = 0, 1, 2
_FREQUENCY_BITS = 12
_FREQUENCIES = 1 << _FREQUENCY_BITS
_LEAST_STATE = 1 << 16
_FEW_LANES, _MANY_LANES = 4, 32
# From here on the bytes of the further states are a thousandth at most.
_LARGE = 1 << 17


def varint(number):
    """Returns a number of at least 0 as bytes with 7 bits each, the lowest first."""
    found = bytearray()
    while number >= 128:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def encode(symbols):
    """Returns a coded stream of bytes, in the smallest of three ways.

    Args:
        symbols: Array of uint8.
    """
    counts = np.bincount(symbols, minlength=256)
    if np.count_nonzero(counts) == 1:
        return bytes([_CONSTANT, symbols[0]])
    if len(symbols) and _coded_size(counts) < 1 + len(symbols):
        coded = _encode(symbols, _frequencies(counts))
        if len(coded) < 1 + len(symbols):
            return coded
    return bytes([_STORED]) + symbols.tobytes()


def coded_size(symbols):
    """Returns about how many bytes `encode` takes, without coding: a float."""
    counts = np.bincount(symbols, minlength=256)
    if np.count_nonzero(counts) == 1:
        return 2.0
    return min(1.0 + len(symbols), _coded_size(counts))


def _coded_size(counts):
    used = counts[counts > 0].astype(np.float64)
    lanes = _MANY_LANES if used.sum() >= _LARGE else _FEW_LANES
    bits = (used * np.log2(used.sum() / used)).sum()
    last = int(np.flatnonzero(counts)[-1]) if len(used) else 0
    return bits / 8 + 4 * lanes + 6 + last


def _frequencies(counts):
    """Returns counts scaled to a sum of `_FREQUENCIES`, in which no symbol that occurs is lost."""
    occurs = counts > 0
    scaled = np.round(counts * (_FREQUENCIES / counts.sum())).astype(np.int64)
    frequencies = np.where(occurs, np.maximum(scaled, 1), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        while (excess := int(frequencies.sum()) - _FREQUENCIES) != 0:
            # Where one more or one less changes the number of bits for the better, or the least.
            step = -1 if excess > 0 else 1
            changed = counts * np.log2((frequencies + step) / frequencies)
            allowed = occurs & (frequencies + step > 0)
            frequencies[np.argmax(np.where(allowed, changed, -math.inf))] += step
    return frequencies


def _encode(symbols, frequencies):
    lanes = _MANY_LANES if len(symbols) >= _LARGE else _FEW_LANES
    states, words = _run(symbols, frequencies, lanes)
    used = int(np.flatnonzero(frequencies)[-1]) + 1
    table = b"".join(map(varint, frequencies[:used].tolist()))
    header = bytes([_CODED, lanes]) + varint(used) + table + varint(len(words))
    return header + struct.pack(f"<{lanes}I", *states.tolist()) + words.astype("<u2").tobytes()


def _run(symbols, frequencies, lanes):
    """Returns the states at the end, and the words that they gave away, as the decoder reads them.

    It goes backwards, a symbol for each lane at a time.
    """
    starts = np.cumsum(frequencies) - frequencies
    frequency = frequencies.astype(np.uint64)[symbols]
    start = starts.astype(np.uint64)[symbols]
    limit = frequency << np.uint64(32 - _FREQUENCY_BITS)
    shift, low = np.uint64(_FREQUENCY_BITS), np.uint64(0xFFFF)
    states = np.full(lanes, _LEAST_STATE, np.uint64)
    words = []
    for first in range((len(symbols) - 1) // lanes * lanes, -1, -lanes):
        part = slice(first, first + lanes)
        state = states[: len(symbols) - first]
        full = state >= limit[part]
        words.append((state[full] & low).astype(np.uint16))
        state = np.where(full, state >> np.uint64(16), state)
        quotient, remainder = np.divmod(state, frequency[part])
        states[: len(state)] = (quotient << shift) + remainder + start[part]
    return states, np.concatenate(words[::-1])
