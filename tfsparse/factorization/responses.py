"""Runs a model call by call, to see what its layers compute with and without factors."""

import numpy as np
import tensorflow as tf

from tfsparse.factorization import asymmetric
from tfsparse.graph.calls import takes_training
from tfsparse.graph.rules import kind

# Positions of each picture whose responses are seen: the paper's number, and at least so many
# samples for each output of the layer, of a few pictures.
_POSITIONS, _SAMPLES_AN_OUTPUT = 10, 8
# Of the largest scale: channels that BatchNormalization all but removes would divide by zero.
_LEAST_SCALE = 1e-3


def measure(program, batches, candidates, seed):
    """Sets the spectra of candidates to those of their responses: principal component analysis.

    Args:
        program: `Program` of the model.
        batches: List of lists of inputs, as `calibration.examples.read` returns them.
        candidates: List of `Candidate`.
        seed: Int, for the positions.
    """
    rng = np.random.default_rng(seed)
    wanted = {id(candidate.layer): candidate for candidate in candidates}

    def see(call, exact, approximate):
        candidate = wanted.pop(id(call.operation), None)
        if candidate is not None:
            (seen,) = _samples([[_response(candidate.layer, x[0]) for x in exact]], rng)
            eigenvalues = np.linalg.eigvalsh(np.cov(seen, rowvar=False))
            candidate.responses = np.maximum(eigenvalues[::-1], 0)

    _run(program, batches, see)


def fit(program, batches, chosen, seed):
    """Fits factors layer by layer, each on inputs that the layers before have approximated.

    Args:
        program, batches, seed: As for `measure`.
        chosen: Dict from `Candidate` to a tuple with its rank.

    Returns:
        Dict from `Candidate` to its factors, a bias, and the relative error of the responses
        after the ReLU if there is one.
    """
    rng = np.random.default_rng(seed)
    wanted = {id(candidate.layer): candidate for candidate in chosen}
    found = {}

    def replace(call, exact, approximate):
        candidate = wanted.get(id(call.operation))
        if candidate is None:
            return None
        if candidate not in found:
            pair = [[_response(candidate.layer, x[0]) for x in xs] for xs in (exact, approximate)]
            after = scale, offset, _ = _after(program, call)
            seen = [scale * y + offset for y in _samples(pair, rng)]
            found[candidate] = _factors(candidate, seen, chosen[candidate], after)
        factors, bias, _ = found[candidate]
        return [[_compute(candidate.layer, factors, bias, x[0])] for x in approximate]

    _run(program, batches, replace)
    return found


def _factors(candidate, seen, ranks, after):
    scale, offset, is_rectified = after
    exact, approximate = seen
    first, second, bias = asymmetric.fit(exact, approximate, *ranks, is_rectified)
    responses = approximate @ first @ second + bias
    if is_rectified:
        exact, responses = np.maximum(exact, 0), np.maximum(responses, 0)
    error = np.linalg.norm(exact - responses) / max(np.linalg.norm(exact), 1e-30)
    # The scale and the offset of the normalization are taken out again.
    own = candidate.layer.bias.numpy() if candidate.layer.use_bias else 0
    bias = ((scale * own + offset) @ first @ second + bias - offset) / scale
    factors = [candidate.kernel @ (scale[:, None] * first), (second / scale)[None, None]]
    return factors, bias, float(error)


def _after(program, call):
    """Returns what follows a layer: a scale and an offset, and whether then a ReLU."""
    ones, zeros = np.ones(call.output_shape[-1]), np.zeros(call.output_shape[-1])
    if getattr(call.operation.activation, "__name__", "") != "linear":
        return ones, zeros, call.operation.activation.__name__ == "relu"
    reader = _only_reader(program, call)
    if reader is not None and _is_relu(reader.operation):
        return ones, zeros, True
    if reader is None or kind(reader.operation) != "BatchNormalization":
        return ones, zeros, False
    normalized = _only_reader(program, reader)
    if normalized is None or not _is_relu(normalized.operation):
        return ones, zeros, False
    norm = reader.operation
    scale = 1 / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    scale = scale * norm.gamma.numpy() if norm.scale else scale
    least = _LEAST_SCALE * np.abs(scale).max()
    scale = np.where(np.abs(scale) < least, least or 1.0, scale).astype(np.float64)
    return scale, (norm.beta.numpy() if norm.center else 0) - scale * norm.moving_mean, True


def _only_reader(program, call):
    (value,) = call.outputs
    readers = [other for other in program.calls if value in other.inputs]
    return readers[0] if len(readers) == 1 and value not in program.outputs else None


def _is_relu(operation):
    if kind(operation) == "ReLU":
        options = operation.max_value, operation.negative_slope, operation.threshold
        return not any(options)
    if kind(operation) == "Activation":
        return getattr(operation.activation, "__name__", "") == "relu"
    return kind(operation) == "Relu"


def _response(layer, x):
    """Returns the responses of a layer, without its activation."""
    bias = layer.bias if layer.use_bias else None
    return _multiply(layer, layer.kernel, bias, tf.cast(x, tf.float32))


def _compute(layer, factors, bias, x):
    """Returns the outputs of the layers in place of one."""
    first, second = (tf.constant(factor, tf.float32) for factor in factors)
    inner = _multiply(layer, first, None, tf.cast(x, tf.float32))
    outputs = layer.activation(inner @ second[0, 0] + tf.constant(bias, tf.float32))
    return tf.cast(outputs, layer.compute_dtype)


def _multiply(layer, kernel, bias, x):
    if kind(layer) == "Dense":
        outputs = tf.matmul(x, tf.reshape(kernel, (-1, kernel.shape[-1])))
    else:
        outputs = tf.nn.conv2d(
            x, kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate
        )
    return outputs if bias is None else outputs + bias


def _samples(streams, rng):
    """Returns responses at some positions, the same of each stream.

    Args:
        streams: List of lists of tensors (examples, ..., outputs).
        rng: NumPy generator.

    Returns:
        List of float64 arrays (samples, outputs), one for each stream.
    """
    examples = sum(len(batch) for batch in streams[0])
    count = max(_POSITIONS, -(-_SAMPLES_AN_OUTPUT * streams[0][0].shape[-1] // examples))
    kept = [[] for _ in streams]
    for batches in zip(*streams, strict=True):
        flat = [np.reshape(x, (len(x), -1, x.shape[-1])).astype(np.float64) for x in batches]
        for example in range(len(flat[0])):
            positions = rng.permutation(flat[0].shape[1])[:count]
            for own, of_stream in zip(kept, flat, strict=True):
                own.append(of_stream[example, positions])
    return [np.concatenate(own) for own in kept]


def _run(program, batches, see):
    """Runs the calls of a program on original and on approximated inputs.

    Args:
        program: `Program`.
        batches: List of lists of inputs.
        see: Function of a call, and of the original and the approximated inputs, each a list of
            lists of tensors, one for each batch. Returns the approximated outputs, or None for
            those of the call.
    """
    last = {x: number for number, call in enumerate(program.calls) for x in call.inputs}
    inputs = program.entries[0][1]
    exact = {x: [tf.constant(batch[i]) for batch in batches] for i, x in enumerate(inputs)}
    approximate = dict(exact)
    for number, call in enumerate(program.calls):
        given = [_by_batch(values, call.inputs) for values in (exact, approximate)]
        replaced = see(call, *given)
        are_same = all(exact[x] is approximate[x] for x in call.inputs)
        outputs = _outputs(call, given[0])
        others = replaced or (outputs if are_same else _outputs(call, given[1]))
        for i, x in enumerate(call.outputs):
            exact[x] = [batch[i] for batch in outputs]
            is_other = others is not outputs
            approximate[x] = [batch[i] for batch in others] if is_other else exact[x]
        for x in call.inputs:
            if last[x] == number:
                exact.pop(x, None)
                approximate.pop(x, None)


def _by_batch(values, wanted):
    columns = [values[x] for x in wanted]
    return [list(row) for row in zip(*columns, strict=True)]


def _outputs(call, batches):
    in_inference = {"training": False} if takes_training(call.operation) else {}
    return [tf.nest.flatten(call.run(batch, **in_inference)) for batch in batches]
