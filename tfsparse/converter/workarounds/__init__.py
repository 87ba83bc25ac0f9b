"""What the converter does about faults of certain versions of TFLite's runtimes.

tests/converter/workarounds/test_faults.py shows each fault, and fails where a newer runtime no
longer has it. Then its entry here goes, and its module with it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault of XNNPACK, TFLite's default, in some versions of the runtimes.

    Attributes:
        what: What goes wrong.
        versions: Dict from a runtime, as `tfsparse.Interpreter` names it, to the version of its
            package in which the fault was seen last.
        workaround: What the converter does instead.
    """

    what: str
    versions: dict[str, str]
    workaround: str


FAULTS = {
    "int8_dense": Fault(
        what="refuses a FULLY_CONNECTED of int8 whose weights come from a DENSIFY",
        versions={"litert": "2.3.0"},
        workaround="int8_dense writes a CONV_2D that computes the same",
    ),
    "int8_on_floats": Fault(
        what="refuses int8 weights from a DENSIFY for float32 activations",
        versions={"litert": "2.3.0", "tf": "2.21.0"},
        workaround="densified_types keeps them dense",
    ),
    "float16_bias": Fault(
        what="computes NaN for float16 weights from a DENSIFY beside a constant float32 bias",
        versions={"tf": "2.21.0"},
        workaround="densified_types keeps them dense",
    ),
    "sparse_mode": Fault(
        what="computes wrong outputs on ARM and WebAssembly where a part that it runs sparse does "
        "not end with an operator that changes the layout back",
        versions={"litert": "2.3.0"},
        workaround="paddings splits a PAD in two, which keeps XNNPACK from its sparse mode",
    ),
}
