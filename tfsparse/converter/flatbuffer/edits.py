"""Changes to a model that keep it whole."""

import numpy as np

from tfsparse.converter.flatbuffer.constants import sparsity_parameters
from tfsparse.converter.flatbuffer.definitions import ints, schema


def order_inputs_and_outputs(model, inputs, outputs):
    """Puts the inputs and outputs of the main subgraph in an order, given by signature names.

    A list of names that is not the signature's, such as one with a name that TensorFlow had to
    change, leaves the order as it is.
    """
    (signature,) = model.signatureDefs
    subgraph = model.subgraphs[signature.subgraphIndex]

    def ordered(names, maps, indices):
        by_name = {entry.name.decode(): entry.tensorIndex for entry in maps}
        wanted = [by_name.get(name, -1) for name in names]
        return wanted if sorted(wanted) == sorted(ints(indices)) else indices

    subgraph.inputs = ordered(inputs, signature.inputs or (), subgraph.inputs)
    subgraph.outputs = ordered(outputs, signature.outputs or (), subgraph.outputs)


def replace_by_densify(model, subgraph, index, encoding, position):
    """Makes the constant tensor `index` the output of a DENSIFY operator on a sparse constant.

    The tensor keeps its index, so that its consumers need no edit; its buffer is left to the
    sparse constant.

    Args:
        model: The model to edit.
        subgraph: The subgraph of `model` that holds the tensor.
        index: Index of the tensor in the subgraph.
        encoding: `SparseEncoding` of the tensor's value.
        position: Index of the operator before which the DENSIFY goes.
    """
    dense = subgraph.tensors[index]
    sparse = schema.TensorT(
        shape=dense.shape,
        type=dense.type,
        buffer=dense.buffer,
        name=(dense.name or b"") + b"_sparse",
        hasRank=dense.hasRank,
        sparsity=sparsity_parameters(encoding),
    )
    model.buffers[dense.buffer].data = encoding.values.view(np.uint8)
    dense.buffer = 0  # by the schema an empty buffer, for tensors that are no constants
    subgraph.tensors.append(sparse)
    densify = schema.OperatorT(
        opcodeIndex=operator_code(model, schema.BuiltinOperator.DENSIFY),
        inputs=[len(subgraph.tensors) - 1],
        outputs=[index],
    )
    subgraph.operators.insert(position, densify)


def operator_code(model, builtin):
    """The index in a model of a builtin operator's code, which is added where it is missing."""
    for i, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return i
    model.operatorCodes.append(
        schema.OperatorCodeT(deprecatedBuiltinCode=builtin, builtinCode=builtin, version=1)
    )
    return len(model.operatorCodes) - 1
