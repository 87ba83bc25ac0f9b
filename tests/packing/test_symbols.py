import numpy as np
import pytest

from tests.packing import archives
from tfsparse.packing import symbols
from tfsparse.packing.symbols import coded_size, encode


def skewed(count, symbols=8, seed=0):
    rng = np.random.default_rng(seed)
    return np.minimum(rng.geometric(0.4, count) - 1, symbols - 1).astype(np.uint8)


def entropy(stream):
    counts = np.bincount(stream)
    used = counts[counts > 0]
    return float((used * np.log2(len(stream) / used)).sum() / 8)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 100, 1001])
@pytest.mark.parametrize("many_lanes", [False, True])
def test_the_decoder_gives_the_symbols_again(count, many_lanes, monkeypatch):
    monkeypatch.setattr(symbols, "_LARGE", 1 if many_lanes else 1 << 17)
    for stream in (skewed(count), skewed(count, 2), np.arange(count).astype(np.uint8)):
        assert archives.unpack_bytes(stream) == stream.tobytes()


def test_coding_takes_little_more_than_the_entropy():
    stream = skewed(100_000, 32)
    assert entropy(stream) < len(encode(stream)) < 1.002 * entropy(stream) + 40


def test_a_symbol_of_almost_all_takes_a_fraction_of_a_bit():
    stream = np.zeros(100_000, np.uint8)
    stream[::1000] = 1
    # Huffman codes would take a bit each, 12,500 bytes.
    assert len(encode(stream)) < 200
    assert archives.unpack_bytes(stream) == stream.tobytes()


def test_the_rarest_of_256_symbols_is_not_lost():
    stream = np.concatenate([np.zeros(300_000, np.uint8), np.arange(256, dtype=np.uint8)])
    assert archives.unpack_bytes(stream) == stream.tobytes()


def test_one_symbol_takes_two_bytes_and_random_ones_are_stored():
    assert len(encode(np.full(1000, 7, np.uint8))) == 2
    noise = np.random.default_rng(0).integers(0, 256, 1000).astype(np.uint8)
    assert encode(noise)[1:] == noise.tobytes()
    assert len(encode(np.zeros(0, np.uint8))) == 1


@pytest.mark.parametrize("count", [10, 1000, 200_000])
def test_the_predicted_size_is_near(count):
    stream = skewed(count, 20)
    assert coded_size(stream) == pytest.approx(len(encode(stream)), rel=0.02, abs=12)
