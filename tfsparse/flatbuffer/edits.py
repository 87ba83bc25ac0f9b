"""Edits of a model that keep it valid."""

import collections

import numpy as np

from tfsparse.flatbuffer.constants import sparsity_parameters
from tfsparse.flatbuffer.definitions import ints, operator_name, schema

OPERATOR_ORDER = b"model_control_dependencies"


def order_inputs_and_outputs(model, inputs, outputs):
    """Puts the inputs and outputs of the subgraphs in an order, given by signature names.

    Names that are not the signature's, such as one that TensorFlow had to change, leave the order
    as it is.

    Args:
        model: The model to edit.
        inputs: The names of the inputs of each signature, by its key.
        outputs: The names of the outputs of each signature.
    """

    def ordered(names, maps, indices):
        by_name = {entry.name.decode(): entry.tensorIndex for entry in maps}
        wanted = [by_name.get(name, -1) for name in names]
        return wanted if sorted(wanted) == sorted(ints(indices)) else indices

    for signature in model.signatureDefs or ():
        subgraph, key = model.subgraphs[signature.subgraphIndex], signature.signatureKey.decode()
        subgraph.inputs = ordered(inputs[key], signature.inputs or (), subgraph.inputs)
        subgraph.outputs = ordered(outputs[key], signature.outputs or (), subgraph.outputs)


def add_signature_aliases(model, aliases):
    """Adds signatures that are others by another key: they run the same subgraph.

    Args:
        model: The model to edit.
        aliases: The further keys of a signature, a list, by its key.
    """
    for signature in list(model.signatureDefs or ()):
        for key in aliases.get(signature.signatureKey.decode(), ()):
            model.signatureDefs.append(
                schema.SignatureDefT(**{**vars(signature), "signatureKey": key.encode()})
            )


def readers(subgraph):
    """Returns who reads each tensor: a dict from indices to lists of (operator, input's number)."""
    found = collections.defaultdict(list)
    for operator in subgraph.operators or ():
        for slot, index in enumerate(ints(operator.inputs)):
            found[index].append((operator, slot))
    return found


def buffer_references(model):
    """Returns how many tensors and pieces of metadata have each buffer, a `Counter`."""
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors or ()]
    return collections.Counter(entry.buffer for entry in (*tensors, *(model.metadata or ())))


def uses_of_own_buffers(model, find):
    """Returns the uses of each buffer of which all uses are found, as lists.

    The bytes of a buffer leave the file only if all tensors that share it are replaced.

    Args:
        model: The model.
        find: Function of a model and a subgraph that yields a constant's index and what else its
            caller wants.

    Returns:
        A list of lists of tuples (subgraph, index, what `find` yielded with it).
    """
    found = collections.defaultdict(list)
    for subgraph in model.subgraphs:
        for index, detail in find(model, subgraph):
            found[subgraph.tensors[index].buffer].append((subgraph, index, detail))
    references = buffer_references(model)
    return [uses for buffer, uses in found.items() if len(uses) == references[buffer]]


def position(subgraph, operator):
    """Returns the index of an operator in its subgraph."""
    return next(i for i, other in enumerate(subgraph.operators) if other is operator)


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
    tensor = subgraph.tensors[index]
    model.buffers[tensor.buffer].data = encoding.values.view(np.uint8)
    code = operator_code(model, schema.BuiltinOperator.DENSIFY)
    sparsity = sparsity_parameters(encoding)
    _put_behind(subgraph, index, code, position, b"_sparse", type=tensor.type, sparsity=sparsity)


def replace_by_dequantize(model, subgraph, index, position):
    """Makes the float32 tensor `index` the output of a DEQUANTIZE operator on a float16 constant.

    The constant has the tensor's buffer, in which the values must be float16 already. The tensor
    keeps its index. Arguments are those of `replace_by_densify`.
    """
    code = operator_code(model, schema.BuiltinOperator.DEQUANTIZE, 3)
    _put_behind(subgraph, index, code, position, b"_float16", type=schema.TensorType.FLOAT16)


def _put_behind(subgraph, index, code, position, suffix, **fields):
    """Makes a tensor the output of an operator whose input is a constant with the tensor's buffer.

    The constant's name is the tensor's with a suffix; `fields` are what else it has.
    """
    tensor = subgraph.tensors[index]
    source = schema.TensorT(
        shape=tensor.shape,
        buffer=tensor.buffer,
        name=(tensor.name or b"") + suffix,
        hasRank=tensor.hasRank,
        **fields,
    )
    tensor.buffer = 0  # by the schema an empty buffer, for tensors that are no constants
    subgraph.tensors.append(source)
    operator = schema.OperatorT(
        opcodeIndex=code, inputs=[len(subgraph.tensors) - 1], outputs=[index]
    )
    subgraph.operators.insert(position, operator)


def operator_code(model, builtin, version=1):
    """The index in a model of a builtin operator's code, which is added where it is missing.

    Args:
        model: The model to edit.
        builtin: Its number in the schema.
        version: The lowest version of the operator that will do.
    """
    for i, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin and code.version >= version:
            return i
    # The older field has a byte, and the largest for all that it cannot hold.
    model.operatorCodes.append(
        schema.OperatorCodeT(
            deprecatedBuiltinCode=min(builtin, 127), builtinCode=builtin, version=version
        )
    )
    return len(model.operatorCodes) - 1


def remove_densify(subgraph, operator):
    """Makes the output of a DENSIFY operator the constant that its input is, once that is dense."""
    (source,), (index,) = ints(operator.inputs), ints(operator.outputs)
    source, dense = subgraph.tensors[source], subgraph.tensors[index]
    dense.type, dense.shape, dense.buffer = source.type, source.shape, source.buffer
    dense.quantization = dense.quantization or source.quantization
    subgraph.operators = [op for op in subgraph.operators if op is not operator]


def remove_tensors(model, subgraph, removed):
    """Removes tensors that no operator, input or output names."""
    kept = [index for index in range(len(subgraph.tensors)) if index not in removed]
    new_index = {old: new for new, old in enumerate(kept)}

    def renumbered(vector):
        numbers = [new_index.get(index, -1) for index in ints(vector)]
        return vector if vector is None else np.array(numbers, np.int32)

    subgraph.tensors = [subgraph.tensors[index] for index in kept]
    subgraph.inputs, subgraph.outputs = renumbered(subgraph.inputs), renumbered(subgraph.outputs)
    for operator in subgraph.operators or ():
        for field in ("inputs", "outputs", "intermediates"):
            setattr(operator, field, renumbered(getattr(operator, field)))
    for signature in model.signatureDefs or ():
        if model.subgraphs[signature.subgraphIndex] is subgraph:
            for entry in (*(signature.inputs or ()), *(signature.outputs or ())):
                entry.tensorIndex = new_index.get(entry.tensorIndex, -1)


def undo_operators(model, name, undo):
    """Undoes what was made of operators, in place.

    Args:
        model: The model to edit.
        name: Of the operators to look at, such as `"CONV_2D"`.
        undo: Function of the model, a subgraph and an operator, which edits the operators around it
            and returns the indices of the tensors that are left over, a set. These are removed, and
            their buffers.
    """
    for subgraph in model.subgraphs:
        added = set()
        for operator in list(subgraph.operators or ()):
            if operator_name(model, operator) == name:
                added |= undo(model, subgraph, operator)
        if added:
            buffers = {subgraph.tensors[index].buffer for index in added}
            remove_tensors(model, subgraph, added)
            _remove_unused_buffers(model, buffers)


def remove_unused_codes(model, names):
    """Removes the codes of operators that no longer are, from the last of the codes on."""
    used = {op.opcodeIndex for graph in model.subgraphs for op in graph.operators or ()}
    for index in reversed(range(len(model.operatorCodes))):
        name = operator_name(model, schema.OperatorT(opcodeIndex=index))
        if index in used or name not in names:
            break
        model.operatorCodes.pop()


def _remove_unused_buffers(model, indices):
    """Removes those of some buffers that nothing refers to, from the last of all buffers on."""
    used = buffer_references(model)
    while (last := len(model.buffers) - 1) in indices and last not in used:
        model.buffers.pop()


def operators_may_change(model):
    """Whether operators may be added and removed: some metadata has their numbers."""
    return all(entry.name != OPERATOR_ORDER for entry in model.metadata or ())
