// Times models in a browser: see web.py, which serves this module and reads its result. All runtimes
// run in turn in one page, so that other load slows each of them.
import { load } from "tfsparse";

/** Returns the times in milliseconds of every runtime on every model of /job.json. */
export async function main() {
  const job = await (await fetch("/job.json")).json();
  const models = [];
  for (const model of job.models) models.push(await measure(model, job));
  return { models, browser: navigator.userAgent };
}

async function measure({ name, files, shape }, { seconds, inferences }) {
  const input = randomInput(shape);
  const runtimes = {};
  for (const [runtime, file] of Object.entries(files)) {
    runtimes[runtime] = await open(runtime, file, input, shape);
  }
  const outputs = {};
  for (const [runtime, run] of Object.entries(runtimes)) outputs[runtime] = await run();
  const times = Object.fromEntries(Object.keys(runtimes).map((runtime) => [runtime, []]));
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; performance.now() < end || round < 3; ++round) {
    const order = Object.entries(runtimes);
    // The order alternates, so that a drift of the clock rate favours none.
    for (const [runtime, run] of round % 2 ? order.reverse() : order) {
      await run(); // the caches hold another runtime's data
      for (let i = 0; i < inferences; ++i) {
        const start = performance.now();
        await run();
        times[runtime].push(performance.now() - start);
      }
    }
  }
  return { name, times, error: largestError(Object.values(outputs)) };
}

// A function that runs a model once and returns its outputs, arrays.
function open(runtime, file, input, shape) {
  return runtime.startsWith("litert") ? openLitert(file, input, shape) : openTfsparse(file, input, runtime);
}

async function openTfsparse(file, input, runtime) {
  const numThreads = Number(/(\d+) threads/.exec(runtime)?.[1] ?? 1);
  const model = await load(file, { relaxed: runtime !== "tfsparse simd128", numThreads });
  if (model.numThreads !== numThreads) throw new Error(`${runtime}: only ${model.numThreads} could be had`);
  return () => model.run(input);
}

let litert;

async function openLitert(file, input, shape) {
  litert ??= import("@litertjs/core").then(async (module) => {
    await module.loadLiteRt("/litert/core/wasm/");
    return module;
  });
  const { loadAndCompile, Tensor } = await litert;
  const model = await loadAndCompile(file, { accelerator: "wasm" });
  const tensor = new Tensor(input, shape);
  return async () => {
    const outputs = await model.run(tensor);
    const arrays = outputs.map((output) => output.toTypedArray().slice());
    for (const output of outputs) output.delete();
    return arrays;
  };
}

// Numbers from 0 to 1, the same in every run.
function randomInput(shape) {
  let state = 1;
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, () => (state = (16807 * state) % 2147483647) / 2147483647);
}

// The largest difference between an output of the first runtime and that of another, relative to the
// largest number of that output. Outputs are compared by length: their order may differ.
function largestError([first, ...others]) {
  let error = 0;
  for (const expected of first) {
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    for (const outputs of others) {
      const differences = outputs
        .filter((output) => output.length === expected.length)
        .map((output) => output.reduce((a, b, i) => Math.max(a, Math.abs(b - expected[i])), 0));
      error = Math.max(error, Math.min(...differences) / largest);
    }
  }
  return error;
}
