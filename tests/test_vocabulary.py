"""One vocabulary in the whole public API: the tables of docs/vocabulary.md and all signatures."""

import ast
import collections
import importlib
import inspect
import re
from pathlib import Path

import pytest

import tfsparse
from tfsparse.command_line.main import COMMANDS
from tfsparse.factorization.result import Factorization, FactorizedLayer
from tfsparse.inspection.result import Inspection
from tfsparse.prune.callback import Callback
from tfsparse.prune.masked_pruning import MaskedPruning
from tfsparse.prune.schedules import Schedule
from tfsparse.prune.weights.sensitivity import LayerSensitivity
from tfsparse.runtime.explanation import Explanation
from tfsparse.runtime.tune import Tuning
from tfsparse.search.result import CompressionResult

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "vocabulary.md").read_text()
# Names that have a better one in the tables, by what they were used for.
REPLACED = {
    *("rate", "ratio", "share", "connectivity", "multiply_adds", "flops", "budget"),
    *("threads", "out", "output", "recalibrate", "typical_inputs", "calibration_data", "lambda_"),
}
MODULES = tfsparse._MODULES
METHODS = {name for name in tfsparse.__all__ if f"| `{name}` | `" in PAGE}


def public_objects():
    """All public functions and classes by name, and the classes of what functions return."""
    found = {name: getattr(tfsparse, name) for name in tfsparse.__all__ if name not in MODULES}
    for module in (getattr(tfsparse, name) for name in MODULES):
        found |= {name: getattr(module, name) for name in module.__all__}
    results = (
        *(CompressionResult, Explanation, Factorization, FactorizedLayer, Inspection),
        *(LayerSensitivity, Tuning),
    )
    return found | {c.__name__: c for c in results}


def functions_of(name, value):
    """Yields the functions that a public name brings, those of a class without Keras's own."""
    if not inspect.isclass(value):
        yield name, value
        return
    ours = [cls for cls in value.__mro__ if cls.__module__.startswith("tfsparse")]
    for attribute in sorted({attribute for cls in ours for attribute in vars(cls)}):
        member = inspect.getattr_static(value, attribute)
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        is_public = not attribute.startswith("_") or attribute in ("__init__", "__call__")
        # Those of dataclasses are made of fields, which have types.
        if is_public and inspect.isfunction(function) and "<" not in function.__code__.co_filename:
            yield f"{name}.{attribute}", function


FUNCTIONS = dict(
    pair for name, value in public_objects().items() for pair in functions_of(name, value)
)


def parameters(function):
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", "cls")
    }


def terms():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE)
    return {term for row in rows for term in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_everything_public_has_types(name):
    signature = inspect.signature(FUNCTIONS[name])
    missing = [
        parameter.name
        for parameter in parameters(FUNCTIONS[name]).values()
        if parameter.annotation is inspect.Parameter.empty
    ]
    assert not missing
    assert signature.return_annotation is not inspect.Signature.empty


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(tfsparse.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {**tfsparse._PUBLIC, **dict.fromkeys(MODULES, "tfsparse")}
    assert sorted(seen) == tfsparse.__all__
    assert Path(tfsparse.__file__).with_name("py.typed").exists()


def test_no_parameter_has_a_name_that_was_replaced():
    for name, function in FUNCTIONS.items():
        assert not REPLACED & set(parameters(function)), name
    for command in COMMANDS:
        module = importlib.import_module(f"tfsparse.command_line.{command.replace('-', '_')}")
        assert not (REPLACED - {"output"}) & set(module.FLAGS), command


def test_what_several_functions_take_is_in_the_vocabulary():
    takers = collections.defaultdict(set)
    for name, function in FUNCTIONS.items():
        if "." not in name or name.endswith("__init__"):
            for parameter in parameters(function):
                takers[parameter].add(name)
    # Of one family: Keras's regularizers, the two that cut channels, and Python's own.
    families = {"strength", "groups", "kwargs", "args"}
    shared = {parameter for parameter, names in takers.items() if len(names) > 1} - families
    own = {"distribution", "scope"}  # Each has a section or a page of its own.
    assert shared - own <= terms()


def test_source_comes_first_and_destination_second():
    for name, function in FUNCTIONS.items():
        if "destination" in parameters(function):
            assert list(parameters(function))[:2] == ["source", "destination"], name


def test_threads_are_given_by_name_and_second_to_an_interpreter():
    takers = [f for f in FUNCTIONS.values() if "num_threads" in parameters(f)]
    assert len(takers) == 6
    takers.remove(tfsparse.Interpreter.__init__)
    assert list(parameters(tfsparse.Interpreter.__init__))[:2] == ["path", "num_threads"]
    for function in takers:
        assert parameters(function)["num_threads"].kind is inspect.Parameter.KEYWORD_ONLY


def test_apply_has_one_signature():
    callbacks = [value for value in public_objects().values() if is_a(value, MaskedPruning)]
    assert len(callbacks) == 5
    assert {str(inspect.signature(callback.apply)) for callback in callbacks} == {
        "(self, model: Any) -> float"
    }


def test_every_method_has_the_scope_that_the_page_says():
    assert len(METHODS) == 12
    for name in METHODS:
        default = inspect.signature(getattr(tfsparse, name)).parameters["scope"].default
        assert f'| `{name}` | `"{default}"` |' in PAGE


def is_a(value, base):
    return inspect.isclass(value) and issubclass(value, base)


SOME_ARGUMENTS = {
    "ChannelPruning": {"importance": "bn_gamma", "macs": 1000, "begin": 3, "gamma_l1": 0.1},
    "ConstantSparsity": {"sparsity": 0.5, "begin": 7},
    "DiscriminationAwareChannelPruning": {"tolerance": 0.1, "num_auxiliary_losses": 2},
    "GradualPruning": {"scope": {"*": 0.5}, "block_size": (1, 4), "frequency": 3},
    "MeProp": {"k": 7, "unified": False, "scope": "all", "begin": 0.5},
    "PatternPruning": {"pruning_ratio": 0.3, "entries": 5, "end": 0.7, "frequency": 9},
    "PolynomialDecay": {"final_sparsity": 0.9, "power": 2},
    "QuantizationAwareTraining": {"begin": 5, "freeze_batchnorm": 9, "fixed_point": True},
    "RigL": {"sparsity": 0.7, "growth": None, "end": 100, "seed": 3},
    "LowBitQuantization": {
        "bits": 2,
        "method": "two_step",
        "rho": 0.1,
        "begin": 0.1,
        "end": 0.5,
        "frequency": 10,
        "scope": "3x3",
    },
    "TernaryQuantization": {"threshold": 0.1, "scope": "3x3", "begin": 0.5, "scale_rate": 0.01},
    "WeightSharing": {"bits": {"dense*": 5, "*": 8}, "scope": "all_but_first", "begin": 0.5},
}


@pytest.mark.parametrize("name", SOME_ARGUMENTS)
def test_a_config_makes_the_same_object(name):
    cls = getattr(tfsparse, name)
    for arguments in ({} if is_a(cls, Callback) else SOME_ARGUMENTS[name], SOME_ARGUMENTS[name]):
        made = cls(**arguments)
        again = cls.from_config(made.get_config())
        assert type(again) is cls
        assert again.get_config() == made.get_config()
        assert again.schedule == made.schedule if is_a(cls, Callback) else again == made
        for argument, value in arguments.items():
            assert made.get_config().get(argument, value) == value


def test_every_callback_and_schedule_has_a_config_that_is_tested():
    configured = {n for n, v in public_objects().items() if is_a(v, Callback) or is_a(v, Schedule)}
    assert configured == set(SOME_ARGUMENTS)


def test_the_version_is_that_of_the_package():
    assert re.fullmatch(r"\d+\.\d+\.\d+", tfsparse.__version__)
