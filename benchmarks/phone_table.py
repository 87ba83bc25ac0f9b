"""Makes a cost table of a Keras model for a phone's processor: instructions on an emulated arm64.

QEMU counts the instructions of an inference with tfsparse, as arm.py does, of one file for each
layer and sparsity. The table then takes the place of times in a search for this machine:

    python benchmarks/phone_table.py model.keras --output phone.json
    python benchmarks/phone_table.py model.keras --output phone.json --sparsities 0.5,0.9 --runs 20
    tfsparse compress model.keras --data data.npz --latency 0.5 --table phone.json

Needs the same packages as arm.py. Each file takes some seconds, of a small network. The smaller the
network, the more runs it needs: the start of Python does not always take as many instructions.
"""

import sys
from pathlib import Path

from absl import app, flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import arm, instruction_counts
from tfsparse.progress import track
from tfsparse.search import measure_costs

OUTPUT = flags.DEFINE_string("output", "phone.json", "The file to write.")
SPARSITIES = flags.DEFINE_list("sparsities", ["0.5", "0.7", "0.8", "0.9", "0.95"], "To count at.")
SCOPE = flags.DEFINE_string("scope", "all", "Which layers, or which groups of channels.")
PRUNED = flags.DEFINE_enum("pruned", "weights", ["weights", "channels"], "What is pruned.")


def count(paths):
    """Instructions of one inference of each file.

    Raises:
        RuntimeError: The emulated runtime cannot run one.
    """
    found = []
    for path in track(paths, "Counting"):
        one = arm.count_ours(path, instruction_counts.random_inputs(path))
        if one.error:
            raise RuntimeError(one.error)
        found.append(one.instructions)
    return found


def main(argv):
    if len(argv) != 2:
        raise app.UsageError(f"Expected one .keras file. Received: {argv[1:]}")
    import keras

    table = measure_costs(
        keras.models.load_model(argv[1], compile=False),
        "instructions",
        pruned=PRUNED.value,
        sparsities=map(float, SPARSITIES.value),
        scope=SCOPE.value,
        count=count,
        setting={"device": f"emulated {arm.CPU.value}", "num_threads": 1},
    )
    table.save(OUTPUT.value)
    print(table)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the file.
    app.run(main)
