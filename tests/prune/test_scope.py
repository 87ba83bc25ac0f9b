import numpy as np
import pytest

from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import check_scope


def names(targets):
    return [target.layer.name for target in targets]


def test_pointwise_leaves_stem_and_dense_layers_alone(make_model):
    assert names(select(make_model(compiled=False), "pointwise")) == ["expand", "project"]


def test_the_first_convolution_is_a_stem_even_where_it_is_1x1(keras):
    layers = keras.layers
    convs = [layers.Conv2D(4, 1, name=name) for name in ("stem", "next")]
    assert names(select(keras.Sequential([layers.Input((4, 4, 3)), *convs]), "pointwise")) == [
        "next"
    ]


def test_all_is_every_convolution_and_dense_layer(make_model):
    expected = ["stem", "expand", "project", "classifier"]
    assert names(select(make_model(compiled=False), "all")) == expected


def test_all_but_first_spares_the_first_convolution(keras, make_model):
    expected = ["expand", "project", "classifier"]
    assert names(select(make_model(compiled=False), "all_but_first")) == expected
    layers = keras.layers
    dense = keras.Sequential([layers.Input((4,)), layers.Dense(4, name="only")])
    assert names(select(dense, "all_but_first")) == ["only"]


def test_a_function_chooses(make_model):
    chosen = select(make_model(compiled=False), lambda layer: layer.kernel.shape[-1] > 6)
    assert names(chosen) == ["stem", "expand"]


def test_the_first_pattern_that_matches_counts(make_model):
    targets = select(make_model(compiled=False), {"stem": 0.0, "pro*": 0.5, "*": 0.9})
    assert {t.layer.name: t.amount for t in targets} == {
        "expand": 0.9,
        "project": 0.5,
        "classifier": 0.9,
    }


def test_layers_of_nested_models_are_found_in_order_and_once(keras):
    layers = keras.layers
    shared = layers.Dense(4, name="shared")
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(4, name="deep"), shared])
    inputs = layers.Input((4,))
    outputs = layers.Dense(2, name="top")(inner(shared(layers.Dense(4, name="low")(inputs))))
    found = names(select(keras.Model(inputs, outputs), "all"))
    assert sorted(found) == ["deep", "low", "shared", "top"]
    assert found[0] == "low"


def test_layers_of_subclassed_models_are_found(keras):
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.steps = [keras.layers.Dense(4, name=f"step_{i}") for i in range(2)]

        def call(self, x):
            for step in self.steps:
                x = step(x)
            return x

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.block = Block()
            self.head = keras.layers.TimeDistributed(keras.layers.Dense(2, name="head"))

        def call(self, x):
            return self.head(self.block(x))

    model = Network()
    with pytest.raises(ValueError, match=r"is not built.*model.build\(input_shape\)"):
        select(model, "all")
    model(np.zeros((1, 3, 4), np.float32))
    assert names(select(model, "all")) == ["step_0", "step_1", "head"]


def test_convolutions_of_other_kinds_stay_dense(keras):
    layers = keras.layers
    others = [layers.DepthwiseConv2D(1), layers.Conv2DTranspose(4, 1)]
    convs = [layers.Conv2D(3, 1, name="stem"), layers.Conv2D(2, 1, name="pointwise")]
    model = keras.Sequential([layers.Input((4, 4, 3)), *others, *convs, layers.DepthwiseConv2D(1)])
    assert names(select(model, "all")) == ["stem", "pointwise"]
    assert names(select(model, "pointwise")) == ["pointwise"]


def test_separable_convolutions_are_pruned_in_their_pointwise_kernel(keras):
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6, 6, 3)),
            layers.Conv2D(4, 3, name="stem"),
            layers.SeparableConv2D(8, 3, name="separable"),
            layers.Reshape((4, 8)),
            layers.SeparableConv1D(2, 3, name="of_a_row"),
        ]
    )
    targets = select(model, "pointwise")
    assert names(targets) == ["separable", "of_a_row"]
    assert [tuple(t.kernel.shape) for t in targets] == [(1, 1, 4, 8), (1, 8, 2)]


def test_convolutions_of_sequences_count_like_those_of_pictures(keras):
    layers = keras.layers
    convs = [layers.Conv1D(4, size, name=f"of_{size}") for size in (3, 1, 2)]
    convs.append(layers.Conv1DTranspose(4, 1))
    model = keras.Sequential([layers.Input((8, 2)), *convs])
    assert names(select(model, "pointwise")) == ["of_1"]
    assert names(select(model, "all_but_first")) == ["of_1", "of_2"]


def test_layers_of_attention_have_paths(keras):
    x = inputs = keras.layers.Input((4, 6))
    for name in ("low", "high"):
        x = keras.layers.MultiHeadAttention(2, 3, name=name)(x, x)
    model = keras.Model(inputs, x)
    paths = [target.name for target in select(model, "all")]
    assert {"low/query", "low/attention_output", "high/query"} <= set(paths)
    assert len(set(paths)) == 8
    by_name = {t.name: t.amount for t in select(model, {"low/*": 0.5, "query": 0.9})}
    assert by_name["low/query"] == by_name["low/key"] == 0.5
    assert by_name["high/query"] == 0.9
    assert len(by_name) == 5


@pytest.mark.parametrize(
    "scope",
    [
        "all",
        {"stem": 0.5, "grouped": 0.5, "attention/*": 0.5, "einsum": 0.5},
        lambda layer: layer.name != "depthwise",
    ],
    ids=["name", "patterns", "function"],
)
def test_each_kind_of_scope_reaches_attention_and_groups_but_no_depthwise_kernel(keras, scope):
    layers = keras.layers
    image = layers.Input((4, 4, 4))
    x = layers.DepthwiseConv2D(1, name="depthwise")(layers.Conv2D(4, 1, name="stem")(image))
    x = layers.Conv2D(6, 3, groups=2, name="grouped")(x)
    x = layers.Reshape((4, 6))(x)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    model = keras.Model(image, layers.EinsumDense("abc,cd->abd", (4, 5), name="einsum")(x))
    attention = {f"attention/{name}" for name in ("query", "key", "value", "attention_output")}
    targets = select(model, scope)
    assert {target.name for target in targets} == {"stem", "grouped", "einsum"} | attention
    shapes = {target.name: tuple(target.kernel.shape) for target in targets}
    assert shapes["grouped"] == (3, 3, 2, 6)
    assert shapes["attention/query"] == (6, 2, 3)


@pytest.fixture
def depthwise_model(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((6, 6, 3)),
            layers.Conv2D(8, 1, name="expand"),
            layers.DepthwiseConv2D(3, name="expand_depthwise"),
            layers.Reshape((16, 8)),
            layers.DepthwiseConv1D(3, name="of_a_row"),
        ]
    )


@pytest.mark.parametrize(
    ("scope", "chosen"),
    [
        ("depthwise", {"expand_depthwise": None, "of_a_row": None}),
        ({"*": 0.8}, {"expand": 0.8}),
        ({"*": 0.8, "*depthwise": 0.5}, {"expand": 0.8, "expand_depthwise": 0.5}),
        ({"*_*": 0.5}, {"expand_depthwise": 0.5, "of_a_row": 0.5}),
        (lambda layer: True, {"expand": None}),
        (lambda layer: layer.name == "of_a_row", {"of_a_row": None}),
    ],
    ids=["name", "every", "both", "alone", "function", "function_alone"],
)
def test_depthwise_layers_are_pruned_where_a_scope_asks_for_them_alone(
    depthwise_model, scope, chosen
):
    targets = select(depthwise_model, scope, depthwise=True)
    assert {target.name: target.amount for target in targets} == chosen


def test_a_depthwise_kernel_has_no_blocks(depthwise_model):
    targets = select(depthwise_model, "depthwise", depthwise=True)
    assert [tuple(target.kernel.shape) for target in targets] == [(3, 3, 8, 1), (3, 8, 1)]
    assert [target.block_shape((4, 2)) for target in targets] == [(1, 1, 1, 1), (1, 1, 1)]


def test_methods_that_mask_no_weights_reach_no_depthwise_layer(depthwise_model):
    with pytest.raises(ValueError, match="matches no layer"):
        select(depthwise_model, {"of_a_row": 0.5})


def test_blocks_lie_along_the_channels_of_each_kind_of_layer(keras):
    layers = keras.layers
    image, sequence = layers.Input((6, 6, 4)), layers.Input((6, 8))
    x = layers.SeparableConv2D(8, 3, name="separable")(layers.Conv2D(8, 3, name="conv")(image))
    y = layers.Conv1D(8, 3, padding="same", name="of_a_row")(sequence)
    y = layers.MultiHeadAttention(2, 4, name="attention")(y, y)
    y = layers.EinsumDense("abc,c->abc", (None, 8), name="scale")(y)
    model = keras.Model([image, sequence], [x, layers.Dense(4, name="dense")(y)])
    shapes = {target.name: target.block_shape((2, 4)) for target in select(model, "all")}
    assert shapes["conv"] == shapes["separable"] == (1, 1, 4, 2)
    assert shapes["of_a_row"] == (1, 4, 2)
    assert shapes["dense"] == (4, 2)
    assert shapes["attention/query"] == (4, 1, 2)  # inputs, heads, features of each
    assert shapes["attention/attention_output"] == (1, 4, 2)  # heads, features of each, outputs
    assert shapes["scale"] == (2,)


def test_kernels_that_are_no_plain_float_variable_stay_dense():
    import keras

    model = keras.Sequential(
        [keras.layers.Input((8,))]
        + [keras.layers.Dense(8, name=name) for name in ("plain", "adapted", "quantized")]
    )
    model.get_layer("adapted").enable_lora(2)
    model.get_layer("quantized").quantize("int8")
    assert names(select(model, "all")) == ["plain"]


def test_a_scope_that_matches_nothing_lists_the_layers(keras):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2, name="only")])
    with pytest.raises(ValueError, match=r"'pointwise' matches no layer.*: only. Use scope='all'"):
        select(model, "pointwise")
    with pytest.raises(ValueError, match=r"matches no layer. .*can be pruned: only"):
        select(model, lambda layer: False)


def test_no_other_scope_is_advised_where_none_would_match():
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    model.quantize("int8")
    for scope in ("pointwise", "all"):
        with pytest.raises(ValueError, match=r"has no layer that can be pruned: [\w, ]+\.$"):
            select(model, scope)


def test_a_misspelt_pattern_gets_a_suggestion(make_model):
    with pytest.raises(ValueError, match=r"'clasifier' in scope matches no .* mean 'classifier'"):
        select(make_model(compiled=False), {"expand": 0.5, "clasifier": 0.5})


def test_only_keras_models_are_taken():
    with pytest.raises(TypeError, match=r"Expected a Keras 3 or tf_keras model. Received: .*dict"):
        select({}, "all")


@pytest.mark.parametrize(
    ("scope", "error", "message"),
    [
        ("conv_*", ValueError, "such as {'conv_\\*': 0.8}"),
        (0.8, TypeError, "Received: 0.8"),
        ({"a": 1.0}, ValueError, r"scope\['a'\] to be in \[0, 1\)"),
        ({"a": "much"}, TypeError, r"scope\['a'\] to be a float"),
        ({1: 0.5}, TypeError, "patterns to sparsities"),
        ({}, ValueError, "above 0"),
        ({"a": 0}, ValueError, "above 0"),
    ],
)
def test_nonsense_scopes_are_named(scope, error, message):
    with pytest.raises(error, match=message):
        check_scope(scope)
