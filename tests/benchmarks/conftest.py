import numpy as np
import pytest


@pytest.fixture
def pictures(tmp_path):
    """A folder of 12 pictures of two classes, black and white, a third of them for testing."""
    image = pytest.importorskip("PIL.Image")
    for part, count in (("train", 4), ("test", 2)):
        for name, level in (("black", 0), ("white", 255)):
            folder = tmp_path / "pictures" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                image.fromarray(np.full((32, 32, 3), level, np.uint8)).save(folder / f"{i}.png")
    return tmp_path / "pictures"
