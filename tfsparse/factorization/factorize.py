"""Replaces layers by smaller ones with factors of their kernels."""

from collections.abc import Mapping

import numpy as np

import tfsparse.graph
from tfsparse.annotations import Examples, Model, Rank, Scope
from tfsparse.arguments import check_int, is_number
from tfsparse.calibration import examples
from tfsparse.factorization import candidates, layers, ranks, responses
from tfsparse.factorization.result import Factorization, FactorizedLayer
from tfsparse.graph.calls import unroll
from tfsparse.graph.cloning import clone_graph
from tfsparse.graph.compiling import compile_like
from tfsparse.graph.rebuilding import copy_state, renew
from tfsparse.keras_models import strategy_of
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import check_scope

METHODS = ("svd", "asymmetric", "tucker2", "cp", "tensor_train", "tensor_ring")
_BATCH = 64  # Examples that run together.


def factorize(
    model: Model,
    method: str = "tucker2",
    *,
    rank: Rank | Mapping[str, Rank] | None = None,
    energy: float | None = None,
    macs: float | int | None = None,
    multiple_of: int = 8,
    scope: Scope = "all_but_first",
    representative_dataset: Examples | None = None,
    seed: int = 0,
) -> Factorization:
    """Replaces convolutions and dense layers by two to four smaller ones in a row.

    The new layers are ordinary ones of Keras, so that the model runs in every runtime, can be
    trained further, pruned, and converted. A layer whose MACs would not fall is left as it is. The
    model itself does not change.

    Args:
        model: Built functional or Sequential Keras 3 model; nested models are included.
        method: `"tucker2"`, a 1x1 convolution, one of the kernel's size, and a 1x1 (Kim et al.,
            2016, https://arxiv.org/abs/1511.06530); `"svd"`, one of the kernel's size with few
            filters, and a 1x1; `"asymmetric"`, the same fitted to the responses after the ReLU on
            inputs that are approximated already (Zhang et al., 2015,
            https://arxiv.org/abs/1505.06798); `"cp"`, a 1x1, two depthwise ones and a 1x1 (Lebedev
            et al., 2015, https://arxiv.org/abs/1412.6553). 1x1 convolutions and dense layers are
            split in two by these. `"tensor_train"`, of dense layers on vectors, three small ones on
            reshaped inputs (Novikov et al., 2015, https://arxiv.org/abs/1509.06569), and
            `"tensor_ring"`, the same with a smaller one in the middle (Zhao et al., 2016,
            https://arxiv.org/abs/1606.05535); these split other layers as `"svd"` does.
        rank: `"evbmf"`, the default, the estimate of variational Bayesian matrix factorisation
            from the weights (Nakajima et al., 2013); an int; a float in (0, 1), a fraction of the
            full rank; or a mapping of layer-name patterns to these. A layer that no pattern matches
            is left.
        energy: Float in (0, 1) instead: the least ranks that keep this fraction of the squared
            singular values, for `"asymmetric"` of the variance of the responses.
        macs: A budget instead, the MACs that may remain: a float in (0, 1) is a fraction of the
            model's MACs, an int a number. Ranks are lowered one by one where the energy that is
            lost for each MAC is least, as Zhang et al. do.
        multiple_of: Int. Ranks are rounded up to a multiple of it, but not above the full rank.
        scope: Which layers: `"all_but_first"`, the default; `"pointwise"`, `"3x3"`, `"all"`, or a
            function that takes a layer.
        representative_dataset: Some hundred examples of the model's inputs, for `"asymmetric"`.
        seed: Int, for the positions that `"asymmetric"` sees and the start of `"cp"`.

    Returns:
        A `Factorization` with the new model, and the ranks, MACs and error of each layer in scope.
        The model is compiled like `model`, with a new optimizer.

    Raises:
        TypeError: `model` is no Keras 3 model, or scope is a mapping.
        ValueError: The model is not built, or is subclassed; no layer would have fewer MACs; the
            scope or a pattern matches no layer; or an argument is out of its range.
        NotImplementedError: A custom layer has no `get_config` and needs one.

    Example:

    ```python
    result = tfsparse.factorize(model, "tucker2", macs=0.4)
    print(result)
    result.model.fit(x, y, epochs=3)
    tfsparse.convert(result.model, "model.tflite")
    ```
    """
    _check(method, scope, representative_dataset, multiple_of)
    ranks.check_ranks(rank, energy, macs)
    program = unroll(model)
    targets = select(model, scope)
    found, left = candidates.find(program, targets, method, seed)
    batches = _batches(model, representative_dataset) if method == "asymmetric" else None
    if batches and rank is None and not (energy is None and macs is None):
        responses.measure(program, batches, found, seed)
    budget = None if macs is None else _budget(model, macs, found)
    chosen = ranks.choose(found, rank, energy, budget, multiple_of)
    wanted = dict(zip(found, chosen, strict=True))
    used = {x: r for x, r in wanted.items() if r is not None and x.macs_with(r) < x.macs}
    if not used:
        raise ValueError(_refusal(model, wanted, left))
    if batches:
        made = responses.fit(program, batches, used, seed)
    else:
        made = {x: _data_free(x, r) for x, r in used.items()}
    records = {x.name: _record(x, r, made.get(x)) for x, r in wanted.items()}
    records |= {name: FactorizedLayer(name, reason=reason) for name, reason in left.items()}
    return Factorization(
        model=_rebuild(model, program, used, made),
        method=method,
        layers=tuple(records[target.name] for target in targets),
    )


def _check(method, scope, representative_dataset, multiple_of):
    if method not in METHODS:
        raise ValueError(f"Expected method to be one of {', '.join(METHODS)}. Received: {method!r}")
    check_scope(scope, no_mapping="a mapping of layer-name patterns to ranks goes into rank")
    check_int("multiple_of", multiple_of)
    if (method == "asymmetric") != (representative_dataset is not None):
        raise ValueError(
            "Expected a representative_dataset for method='asymmetric', which fits the responses "
            f"of layers, and for no other. Received: method={method!r} and "
            f"representative_dataset={'None' if representative_dataset is None else 'one'}"
        )


def _budget(model, macs, found):
    """Returns the MACs that the candidates may have together."""
    total = tfsparse.graph.macs(model)
    wanted = macs * total if not is_number(macs, int) else macs
    return wanted - (total - sum(x.macs for x in found))


def _data_free(candidate, chosen):
    """Returns the factors of a kernel, no bias, and the relative error."""
    factors = candidate.structure.factors(candidate.kernel, chosen)
    error = np.linalg.norm(candidate.kernel - candidate.structure.product(factors))
    return factors, None, float(error / max(np.linalg.norm(candidate.kernel), 1e-30))


def _record(candidate, chosen, made):
    if chosen is None:
        reason = "no pattern of rank matches it"
        return FactorizedLayer(candidate.name, macs=candidate.macs, reason=reason)
    return FactorizedLayer(
        name=candidate.name,
        ranks=chosen,
        macs=candidate.macs,
        macs_after=candidate.macs_with(chosen),
        error=made[2] if made else None,
        reason=None if made else "its MACs would not fall",
    )


def _refusal(model, wanted, left):
    """Returns the message if no layer gets fewer MACs, with the numbers of each."""
    lines = [f"{name}: {reason}" for name, reason in left.items()]
    lines += [
        f"{x.name}: {x.macs:,} MACs, and {x.macs_with(r):,} with ranks {', '.join(map(str, r))}"
        for x, r in wanted.items()
        if r is not None
    ]
    return (
        f"Expected a layer of {model.name!r} whose MACs fall. Factors make none faster: "
        f"{'; '.join(lines)}. Give lower ranks, or cut channels or weights instead."
    )


def _rebuild(model, program, used, made):
    by_layer = {id(x.layer): x for x in used}

    def make(operation):
        candidate = by_layer.get(id(operation))
        if candidate is None:
            return renew(operation)
        use_bias = made[candidate][1] is not None
        return layers.chain(operation, candidate.stages(used[candidate]), use_bias)

    new, pairs = clone_graph(model, program, make)
    with strategy_of(model).scope():
        for old, other in pairs:
            candidate = by_layer.get(id(old))
            if candidate is not None:
                factors, bias, _ = made[candidate]
                layers.set_weights(other, old, factors, bias)
            else:
                copy_state(old, other)
    compile_like(model, new)
    return new


def _batches(model, dataset):
    """Returns the examples of a representative dataset as a list of batches, lists of arrays."""
    specs = [
        (x.name, [-1 if n is None else n for n in x.shape], np.dtype(x.dtype)) for x in model.inputs
    ]
    found = examples.read(dataset, specs)
    if any(shape[:1] != [-1] for _, shape, _ in specs):
        return found
    if len({tuple(x.shape for x in one) for one in found}) > 1:
        return found
    return [
        [np.concatenate(arrays) for arrays in zip(*found[start : start + _BATCH], strict=True)]
        for start in range(0, len(found), _BATCH)
    ]
