"""Runs a model, for programs without tfsparse or TensorFlow; see `arm64.infer`."""

import ctypes
import json
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate


def main(model, inputs, outputs, delegate, options, runs, maps=None, counter=None):
    delegates = [load_delegate(delegate, options)] if delegate else None
    interpreter = Interpreter(model, num_threads=1, experimental_delegates=delegates)
    interpreter.allocate_tensors()
    given = np.load(inputs)
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], given[str(detail["index"])])
    if counter:  # of instructions, which starts after the first inference
        counter = ctypes.CDLL(counter)
        interpreter.invoke()
        counter.start()
    for _ in range(runs):
        interpreter.invoke()
    if counter:
        counter.stop()
    details = interpreter.get_output_details()
    np.savez(outputs, **{str(d["index"]): interpreter.get_tensor(d["index"]) for d in details})
    if maps:
        with open("/proc/self/maps") as file, open(maps, "w") as copy:
            copy.write(file.read())


main(**json.loads(sys.argv[1]))
