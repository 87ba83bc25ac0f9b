"""Compares the inner loops of the sparse kernels with the bound of a core, on arm64 or x86-64.

The kernels are compiled with the usual flags, and their inner loops are read from the
object file. llvm-mca predicts the cycles of an iteration on each core, with all data in the
first-level cache. The bound is the time for which the load units or the multiply-add units are busy
with the iteration, whichever is longer. Cycles are per nonzero weight and 32 pixels.

llvm-mca uses LLVM's scheduling model of a core; the table names the model. LLVM 19
has none of Cortex-A76 and Cortex-X1 and uses that of Cortex-A57. It has one of Neoverse N1, the
Cortex-A76 for servers. Its Cortex-A55 takes six cycles to load a pair of vectors, and two cycles
for two single loads. Older versions cannot be used: LLVM 14 confuses the latencies of the vector
and of the pointer in a load with writeback on a Cortex-A55.

    python benchmarks/mca.py
    python benchmarks/mca.py --cpus cortex-a53,cortex-a510
    python benchmarks/mca.py --machine x86_64
"""

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from absl import app, flags
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from delegate import sources
from tests.delegate.cpp import PROCESSORS, Build, CrossBuild


class Machine(NamedTuple):
    """An architecture, and where its inner loops are.

    Attributes:
        source: of the kernels.
        lanes: floats of a vector.
        offset: the C++ type of offsets.
        tiles: output channels of a block and vectors of pixels.
        cpus: as LLVM names them.
        branch: matches a conditional branch; its groups are all before the target, and the target.
        leaves: matches what ends a loop that is run straight.
        load, product: match a load that does nothing else, and a multiplication with addition.
    """

    source: str
    lanes: int
    offset: str
    tiles: list
    cpus: list
    branch: str
    leaves: str
    load: str
    product: str


MACHINES = {
    "aarch64": Machine(
        source="delegate/kernels/isa/neon.cc",
        lanes=4,
        offset="int",
        # One channel: long runs, 7x7 maps, 14x14, 32 pixels.
        tiles=[(1, 14), (1, 13), (1, 12), (1, 8), (2, 10), (4, 6)],
        cpus=["cortex-a55", "cortex-a76", "cortex-x1", "neoverse-n1"],
        branch=r"(b\.\w+|cbn?z \w+,|tbn?z \w+, #\d+,) ([0-9a-f]+) <",
        leaves=r"(b|bl|cbn?z|tbn?z)\b",
        load=r"((ldp|ldr) q\d+.*\]$|ld1)",
        product="fmla",
    ),
    "x86_64": Machine(
        source="delegate/kernels/isa/avx2.cc",
        lanes=8,
        offset="unsigned short",
        tiles=[(1, 9), (1, 8), (2, 5), (4, 3)],
        cpus=["haswell", "skylake", "znver2", "znver3", "znver4"],
        branch=r"(j\w+) +([0-9a-f]+) <",
        leaves=r"(j\w+|call)\b",
        load=r"mov\w* .*\),%",
        product="vfmadd",
    ),
}
MACHINE = flags.DEFINE_enum("machine", "aarch64", list(MACHINES), "What the kernels run on.")
CPUS = flags.DEFINE_list("cpus", None, "As LLVM names them; by default some of the machine.")

MCA = "llvm-mca-19"
PIXELS = 32
ITERATIONS = 200


class Loop(NamedTuple):
    """An inner loop: its instructions, and how many of them multiply and add."""

    instructions: list
    products: int


class Cost(NamedTuple):
    """Of one iteration, in cycles."""

    model: str
    total: float
    loads: float
    products: float

    @property
    def ratio(self):
        """To the bound."""
        return self.total / max(self.loads, self.products)


def disassemble(path, triplet):
    """The instructions of each function of an object file, by name: (address, text)."""
    options = ("--disassemble", "--demangle", "--no-show-raw-insn")
    command = [f"{triplet}-objdump", *options, path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    functions, lines = {}, []
    for line in text.splitlines():
        if start := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            lines = functions.setdefault(start[1], [])
        elif instruction := re.match(r"\s*([0-9a-f]+):\s+(.*?)(?:\s*(?://|# ).*)?$", line):
            lines.append((int(instruction[1], 16), instruction[2].replace("\t", " ")))
    return functions


def inner_loop(function, machine):
    """The loop without a loop inside that multiplies and adds most."""
    position = {address: i for i, (address, _) in enumerate(function)}
    loops = []
    for last, (_, text) in enumerate(function):
        branch = re.match(machine.branch, text)
        first = position.get(int(branch[2], 16), last) if branch else last
        if first < last:
            body = [line for _, line in function[first:last]]
            if not any(re.match(machine.leaves, line) for line in body):
                products = sum(line.startswith(machine.product) for line in body)
                loops.append(Loop([*body, f"{branch[1]} 1f"], products))
    return max(loops, key=lambda loop: loop.products)


def cost(loop, name, cpu):
    """What llvm-mca says of a loop for a core of one of `MACHINES`."""
    code = "\n".join([*loop.instructions, "1:"])
    command = [MCA, f"-mtriple={name}", f"-mcpu={cpu}", f"-iterations={ITERATIONS}", "-json"]
    run = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    region, units = report["CodeRegions"][0], report["TargetInfo"]["Resources"]
    usage = {}  # of each unit by each instruction, the last of which stands for all together
    for entry in region["ResourcePressureView"]["ResourcePressureInfo"]:
        by_instruction = usage.setdefault(entry["InstructionIndex"], {})
        by_instruction[entry["ResourceIndex"]] = entry["ResourceUsage"]
    together = usage[len(loop.instructions)]

    def used(mnemonic):
        return {
            unit
            for i, text in enumerate(loop.instructions)
            if re.match(mnemonic, text)
            for unit in usage.get(i, {})
        }

    def busiest(units):
        return max(together[unit] for unit in units)

    loads = used(MACHINES[name].load)
    products = used(MACHINES[name].product) - loads  # x86 also loads while it multiplies
    model = re.split("Unit|AGU|Divider", units[0])[0]
    total = region["SummaryView"]["TotalCycles"] / ITERATIONS
    return Cost(model, total, busiest(loads), busiest(products))


def measure(name, cpus):
    """Yields (block, tile, cpu, cycles a nonzero and 32 pixels as a Cost)."""
    machine = MACHINES[name]
    # This machine's are those that the C++ tests have compiled.
    build = Build("cpp-tests") if name == platform.machine() else CrossBuild(name)
    compiled = build.compile(machine.source, sources.isa_flags(name)[machine.source])
    functions = disassemble(compiled, PROCESSORS[name][0])
    for block, tile in machine.tiles:
        run = f"SpmmPass<{block}, {machine.offset}>::run<{tile}, "
        (function,) = (body for text, body in functions.items() if run in text)
        loop = inner_loop(function, machine)
        scale = PIXELS / machine.lanes / loop.products
        for cpu in cpus:
            found = cost(loop, name, cpu)
            yield block, tile, cpu, Cost(found.model, *(scale * cycles for cycles in found[1:]))


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected no arguments. Received: {argv[1:]}")
    name, machine = MACHINE.value, MACHINES[MACHINE.value]
    missing = CrossBuild.missing(name) + ([] if shutil.which(MCA) else ["llvm-19"])
    if missing:
        raise app.UsageError(f"Something is missing: apt-get install {' '.join(missing)}")
    table = Table("channels", "pixels", "core", "LLVM's model", "cycles", "loads", "FMAs", "ratio")
    for block, tile, cpu, found in measure(name, CPUS.value or machine.cpus):
        figures = (*(f"{cycles:.2f}" for cycles in found[1:]), f"{found.ratio:.3f}")
        table.add_row(str(block), str(tile * machine.lanes), cpu, found.model, *figures)
    Console().print(table)


if __name__ == "__main__":
    app.run(main)
