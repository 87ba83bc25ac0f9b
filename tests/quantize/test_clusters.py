import numpy as np
import pytest

from tfsparse.quantize.clusters import k_means


def test_centroids_are_the_means_of_their_values_and_the_nearest():
    values = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    centroids, codes = k_means(values, 15)
    assert codes.shape == values.shape
    assert len(centroids) == 15
    for code, centroid in enumerate(centroids):
        assert values[codes == code].mean(dtype=np.float64) == pytest.approx(centroid, abs=1e-6)
    nearest = np.abs(values[..., None] - centroids).argmin(-1)
    assert np.mean(nearest == codes) > 0.9999


def test_the_error_is_near_that_of_the_best_clusters():
    values = np.random.default_rng(0).normal(size=2000)
    centroids, codes = k_means(values, 8)
    # Of the best quantizer of a normal distribution to 8 values: Max, 1960, table I.
    assert np.mean((values - centroids[codes]) ** 2) < 1.1 * 0.03454


def test_the_linear_start_keeps_large_values_apart():
    values = np.concatenate([np.random.default_rng(0).normal(0, 0.01, 1000), [1.0, -1.0]])
    centroids, _ = k_means(values, 7)
    assert centroids[0] == -1
    assert centroids[-1] == 1


def test_few_different_values_stay_exactly_as_they_are():
    values = np.float32([0.1, 0.3, 0.1, -7, 0.3])
    centroids, codes = k_means(values, 3)
    np.testing.assert_array_equal(centroids, np.float32([-7, 0.1, 0.3]))
    np.testing.assert_array_equal(centroids[codes], values)


@pytest.mark.parametrize("values", [[5.0], [2.0, 2.0, 2.0]])
def test_one_value(values):
    centroids, codes = k_means(np.array(values), 4)
    assert centroids.tolist() == values[:1]
    assert not codes.any()


def test_one_centroid_is_the_mean():
    centroids, _ = k_means(np.array([1.0, 2.0, 6.0]), 1)
    assert centroids.tolist() == [3.0]
