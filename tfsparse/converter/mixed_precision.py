"""Converts functions in float16 or bfloat16, as in mixed precision, to float32.

TFLite has no kernels for these types.
"""

import numpy as np


def in_float32(function):
    """A function with float32 instead of float16 and bfloat16.

    Args:
        function: A `tf.ConcreteFunction`.

    Returns:
        `function` if it has neither. Otherwise a function with the same inputs and outputs in
        float32, and constants for variables.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    if not any(_halves(node.attr) for node in _nodes(function.graph.as_graph_def())):
        return function
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    _widen(graph)
    _rename_functions(graph)
    results = [tensor.name for tensor in frozen.outputs]
    specs = [
        tf.TensorSpec(spec.shape, tf.float32 if _is_half(spec.dtype) else spec.dtype, spec.name)
        for spec in tf.nest.flatten(function.structured_input_signature)
    ]

    names = [tensor.name for tensor in function.inputs[: len(specs)]]
    # Captures that are no variables, such as lookup tables, are still inputs.
    tables = {
        inside.name: outside
        for outside, inside in function.graph.captures
        if inside.name in {tensor.name for tensor in frozen.inputs}
    }

    @tf.function(input_signature=specs, autograph=False)
    def serve(*inputs):
        feeds = dict(zip(names, inputs, strict=True))
        capture = tf.compat.v1.get_default_graph().capture
        feeds.update((name, capture(table)) for name, table in tables.items())
        outputs = tf.graph_util.import_graph_def(graph, feeds, results, name="")
        return tf.nest.pack_sequence_as(function.structured_outputs, outputs)

    return serve.get_concrete_function()


def _is_half(dtype):
    import tensorflow as tf

    return tf.as_dtype(dtype) in (tf.float16, tf.bfloat16)


def _nodes(graph):
    """All nodes of a `GraphDef`, including those of its functions."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _halves(attributes):
    """The attributes of a node that are types of which at least one becomes float32."""
    return [
        value
        for value in attributes.values()
        if any(kind and _is_half(kind) for kind in (value.type, *value.list.type))
    ]


def _widen(graph):
    """Replaces the types in a `GraphDef`, in place, and the constants of these types."""
    import tensorflow as tf

    float32 = tf.float32.as_datatype_enum
    for node in _nodes(graph):
        if node.op == "Const" and _is_half(node.attr["dtype"].type):
            values = tf.make_ndarray(node.attr["value"].tensor).astype(np.float32)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
        for value in _halves(node.attr):
            if value.WhichOneof("value") == "type":
                value.type = float32
            else:
                kinds = value.list.type
                kinds[:] = [float32 if _is_half(kind) else kind for kind in kinds]
    for function in graph.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            if argument.type and _is_half(argument.type):
                argument.type = float32


def _rename_functions(graph):
    """Gives the functions of a `GraphDef` names that TensorFlow does not know yet, in place."""
    names = {
        function.signature.name: f"{function.signature.name}_in_float32"
        for function in graph.library.function
    }
    for node in _nodes(graph):
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            called = [value.func] if value.WhichOneof("value") == "func" else value.list.func
            for function in called:
                function.name = names.get(function.name, function.name)
    for function in graph.library.function:
        function.signature.name = names[function.signature.name]
    del graph.library.gradient[:]
