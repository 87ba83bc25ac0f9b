import importlib.util
from pathlib import Path

import pytest

from tfsparse.zoo import catalogue

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "suite.py"


@pytest.fixture(scope="module")
def suite():
    spec = importlib.util.spec_from_file_location("suite", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_case_is_a_network_with_a_name_of_its_own(suite):
    assert len({case.name for case in suite.CASES}) == len(suite.CASES)
    for case in suite.CASES:
        assert case.network in catalogue.NETWORKS
        assert (case.sparsity is None) == (case.network in catalogue.PRETRAINED)


def test_patterns_choose_cases_in_the_order_of_the_suite(suite):
    assert suite.select([]) == list(suite.CASES)
    names = [case.name for case in suite.select(["*-threads", "mobilenet_v2-80*"])]
    variants = ["", "-block4", "-threads", "-block1x4-int8"]
    assert names == [f"mobilenet_v2-80{variant}" for variant in variants]


def test_a_pattern_that_matches_nothing_lists_the_names(suite):
    with pytest.raises(ValueError, match=r"resnet50-90, .*Received: 'resnet50-80'"):
        suite.select(["resnet50-80"])
