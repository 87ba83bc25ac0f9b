"""The operators that XNNPACK, TFLite's default on CPUs, runs with its sparse kernels.

XNNPACK looks for clusters: connected parts of the graph that can run in CHW layout, from a
convolution that changes the layout to an operator that changes it back. A cluster
with enough zeros in its 1x1 convolutions runs sparse as a whole. If one operator is not supported,
all of it runs dense. The conditions are those of src/subgraph.c (xnn_check_nchw_compatibility and
xnn_subgraph_rewrite_for_nchw), src/xnnpack/hardware-config.h (xnn_is_chw_compatible_config) and
src/configs/spmm-config.c of XNNPACK, and tflite/delegates/xnnpack/xnnpack_delegate.cc of LiteRT,
both as of 2026-08-21.
"""

from fractions import Fraction

from tfsparse.inspection.operators import Support
from tfsparse.inspection.xnnpack_roles import ENTRY, EXIT, INSIDE, check

# A cluster with this share of zeros in its 1x1 convolutions and dense layers, or less, runs dense.
TOO_FEW_ZEROS = Fraction(2, 3)

X86 = Support(
    False,
    "XNNPACK has sparse kernels for x86 without AVX only, and turns them off where there is AVX",
)
NOT_POINTWISE = "XNNPACK has sparse kernels for 1x1 convolutions only"
NOT_ENCODED = (
    "no weights are stored sparse in the file, without which TFLite does not let XNNPACK look for "
    "zeros: write it with tfsparse.convert"
)
# Measured in ai-edge-litert 2.3.0 for arm64 under QEMU: a network of a padded stem, two 1x1
# convolutions and then an AVERAGE_POOL_2D, or a depthwise convolution that is padded SAME, has
# other outputs with its weights stored sparse than with the same weights stored dense.
BROKEN = "XNNPACK refuses the model or computes wrong outputs"


def support(nodes, outputs, encoded):
    """What XNNPACK runs sparse on ARM and WebAssembly, with its kernels for channels first.

    Args:
        nodes: The `Node`s of a subgraph in the order in which they run.
        outputs: The tensors that the subgraph returns.
        encoded: Whether any weights are stored sparse.

    Returns:
        For each node that has weights a `Support`, else `None`.
    """
    clusters = _Clusters(nodes, outputs)
    result = []
    for i, node in enumerate(nodes):
        if node.weights is None:
            result.append(None)
        elif not encoded:
            result.append(Support(False, NOT_ENCODED))
        elif node.kind == "FULLY_CONNECTED":
            result.append(Support(False, NOT_POINTWISE))
        elif not is_pointwise(node):
            result.append(Support(False, clusters.roles[i][1] or NOT_POINTWISE))
        elif reason := clusters.why_dense(i):
            result.append(Support(False, reason))
        else:
            result.append(Support(True, "sparse kernel for 1x1 convolutions"))
    return result


def is_pointwise(node):
    """Whether it is a convolution with a 1x1 kernel."""
    return node.kind == "CONV_2D" and node.weights is not None and node.weights[1:3] == (1, 1)


class _Clusters:
    """The clusters of a graph, and what is wrong with each."""

    def __init__(self, nodes, outputs):
        self.nodes = nodes
        self.outputs = outputs
        self.roles = [check(node) for node in nodes]
        self.flags = [role for role, _ in self.roles]
        self.producer = {t: i for i, node in enumerate(nodes) for t in node.outputs}
        self.leader = list(range(len(nodes)))
        self.flaw = [""] * len(nodes)
        self._connect()
        self._collect_flaws()
        self._check_consumers()
        self.params, self.zeros = self._count()
        self._check_layouts()

    def why_dense(self, i):
        """Why a node is not in a cluster that runs sparse; empty if it is."""
        leader = self.leader[i]
        if self.roles[i][1]:
            return self.roles[i][1]
        if self.flaw[leader]:
            return self.flaw[leader]
        params, zeros = self.params[leader], self.zeros[leader]
        if not params or Fraction(zeros, params) <= TOO_FEW_ZEROS:
            share = f"{100 * zeros / params:.0f} %" if params else "none"
            return (
                f"{share} of the weights of the 1x1 convolutions and dense layers around it are "
                "zero, expected more than two thirds: prune more of them"
            )
        return ""

    def _connect(self):
        """Joins each operator with those that make its inputs, from the exits on."""
        changed = self._sweep(lambda flags: flags & EXIT)
        if not changed:
            self.flaw = [
                flaw or "no operator such as MEAN behind it changes the layout back"
                for flaw in self.flaw
            ]
        while changed:
            changed = self._sweep(lambda flags: flags & (INSIDE | EXIT))

    def _sweep(self, joins):
        changed = False
        for i, node in enumerate(self.nodes):
            if not joins(self.flags[i]) or self.flaw[i]:
                continue
            for tensor in node.inputs:
                maker = self.producer.get(tensor)
                if maker is None or tensor in self.outputs:
                    end = "input" if maker is None else "output"
                    self.flaw[i] = f"{node.name} reads an {end} of the model"
                elif not self.flags[maker] & (ENTRY | INSIDE):
                    reason = self.roles[maker][1] or "it changes the layout back"
                    self.flaw[i] = f"{self.nodes[maker].name}: {reason}"
                elif self.flaw[maker]:
                    self.flaw[i] = self.flaw[maker]
                else:
                    self.flags[maker] &= ~EXIT
                    if self.leader[maker] != self.leader[i]:
                        joint = max(self.leader[maker], self.leader[i])
                        self.leader[maker] = self.leader[i] = joint
                        changed = True
        return changed

    def _collect_flaws(self):
        for i, flaw in enumerate(list(self.flaw)):
            leader = self.leader[i]
            self.flaw[leader] = self.flaw[leader] or flaw

    def _members(self):
        """The operators that read channels first, unless their cluster is flawed."""
        return [
            i
            for i, flags in enumerate(self.flags)
            if flags & (INSIDE | EXIT) and not self.flaw[self.leader[i]]
        ]

    def _check_consumers(self):
        """A value with channels first must have no reader that expects them last."""
        readers = {}
        for i, node in enumerate(self.nodes):
            for tensor in node.inputs:
                readers.setdefault(tensor, []).append(i)
        members = set(self._members())
        for i in sorted(members):
            for tensor in self.nodes[i].inputs:
                misfits = [r for r in readers[tensor] if r not in members]
                leader = self.leader[i]
                if misfits and not self.flaw[leader]:
                    misfit = misfits[0]
                    reason = self.roles[misfit][1] or self.flaw[self.leader[misfit]]
                    self.flaw[leader] = f"{self.nodes[misfit].name}: {reason}"

    def _count(self):
        params, zeros = [0] * len(self.nodes), [0] * len(self.nodes)
        for i, node in enumerate(self.nodes):
            if is_pointwise(node) or (node.kind == "FULLY_CONNECTED" and node.weights):
                params[self.leader[i]] += node.weights[0] * node.weights[-1]
                zeros[self.leader[i]] += node.weight_zeros
        return params, zeros

    def _check_layouts(self):
        """What leaves a cluster without an exit has its channels first, and is taken as if last."""
        members = self._members()
        channels_first = {t for i in members for t in self.nodes[i].inputs}
        for i in members:
            node = self.nodes[i]
            ends = self.flags[i] & EXIT or node.kind == "FULLY_CONNECTED"
            if not ends and not channels_first.issuperset(node.outputs) and not self.why_dense(i):
                self.flaw[self.leader[i]] = f"{BROKEN}: {node.name} does not change the layout back"
