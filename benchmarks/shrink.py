"""Measures the size and latency of networks without half of their channels.

Random channels of each group that `tfsparse.graph` finds are zeroed, and `tfsparse.shrink` removes
them. Both networks are converted and run in TFLite's default, without the delegate. Weights are
random: neither size nor latency depends on them.

    python benchmarks/shrink.py
    python benchmarks/shrink.py resnet56 mobilenet_v2 --pruning_ratio 0.3
"""

import tempfile
from pathlib import Path

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.runtime import differences, timing
from tfsparse.runtime.random_inputs import set_random_inputs

PRUNING_RATIO = flags.DEFINE_float(
    "pruning_ratio", 0.5, "The fraction of the channels that go.", 0, 1
)
SIZE = flags.DEFINE_integer("size", 224, "Height and width, but for networks of CIFAR-10.", 32)
SECONDS = flags.DEFINE_float("seconds", 3, "Time to measure each network for.", lower_bound=0.1)

APPLICATIONS = {
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_small": "MobileNetV3Small",
    "mobilenet_v3_large": "MobileNetV3Large",
    "efficientnet_b0": "EfficientNetB0",
    "resnet50": "ResNet50",
    "densenet121": "DenseNet121",
    "vgg16": "VGG16",
}
CIFAR_RESNETS = {"resnet20": 20, "resnet56": 56}
NETWORKS = (*CIFAR_RESNETS, *APPLICATIONS)


def build(name):
    """Builds a network; BatchNorm statistics are set so that outputs keep their scale."""
    import keras

    from tfsparse.zoo import architectures

    keras.utils.set_random_seed(0)
    size = 32 if name in CIFAR_RESNETS else SIZE.value
    inputs = keras.Input(batch_shape=(1, size, size, 3))
    if name in CIFAR_RESNETS:
        model = architectures.cifar_resnet(inputs, CIFAR_RESNETS[name])
    else:
        model = getattr(keras.applications, APPLICATIONS[name])(weights=None, input_tensor=inputs)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.random.default_rng(0).random(inputs.shape, np.float32), training=True)
    return model


def zero_channels(model, pruning_ratio):
    """Zeroes a random part of the channels of each group; returns the graph."""
    rng = np.random.default_rng(0)
    graph = tfsparse.graph.trace(model)
    removed = {
        group: rng.permutation(group.size)[: min(round(pruning_ratio * group.size), group.size - 1)]
        for group in graph.groups
        if not group.frozen
    }
    for variable, keep in graph.masks(removed):
        variable.assign(variable.numpy() * keep)
    return graph


def measure(name, folder):
    """Returns a row of the table."""
    model = build(name)
    graph = zero_channels(model, PRUNING_RATIO.value)
    smaller = tfsparse.shrink(model)
    paths = [
        tfsparse.convert(one, folder / f"{name}-{i}.tflite", encoding="none")
        for i, one in enumerate((model, smaller))
    ]
    pair = [timing.open_one(path, delegate=False) for path in paths]
    set_random_inputs(pair)
    difference = differences.output_difference(*pair)
    latency = timing.compare(*pair, SECONDS.value)
    return (
        f"{model.count_params() / 1e6:.2f} → {smaller.count_params() / 1e6:.2f}",
        f"{graph.macs() / 1e6:.0f} → {tfsparse.graph.macs(smaller) / 1e6:.0f}",
        f"{latency.baseline_median:.2f} → {latency.candidate_median:.2f}",
        f"{latency.speedup:.2f}",
        f"{difference:.1e}",
    )


def main(argv):
    names = argv[1:] or NETWORKS
    for name in names:
        if name not in NETWORKS:
            raise app.UsageError(f"{name!r} is none of {', '.join(NETWORKS)}.")
    table = Table(
        "network", title=f"{PRUNING_RATIO.value:.0%} of the channels taken out, one thread"
    )
    for column in ("M parameters", "M MACs", "ms", "faster", "difference"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            table.add_row(name, *measure(name, Path(folder)))
    Console(width=100).print(table)
    print(timing.cpu_name())


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
