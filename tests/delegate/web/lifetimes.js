// How many workers there are in Node.js while models are loaded and closed, for test_web.py.
import { setTimeout } from "node:timers/promises";

/** {opened, closed, refused, forgotten}: workers at each moment, and the error of a closed model. */
export async function lifetimes(load, bytes) {
  const workers = new Set();
  process.on("worker", (worker) => {
    workers.add(worker);
    worker.on("exit", () => workers.delete(worker));
  });
  const options = { numThreads: 2 };
  const model = await load(bytes, options);
  const opened = workers.size;
  for (let i = 0; i < 2; ++i) model.close();
  const closed = await left(workers);
  const errors = ["run", "explain"].map((name) => messageOf(() => model[name](new Float32Array(0))));
  await load(bytes.slice(0, 1000), options).catch(() => {});
  await load("file:///absent.tflite", options).catch(() => {});
  const refused = await left(workers);
  for (let i = 0; i < 8; ++i) await load(bytes, options);
  return { opened, closed, errors, refused, forgotten: await left(workers, globalThis.gc) };
}

// The number of workers when it has not changed for long, or is 0.
async function left(workers, collect = () => {}) {
  for (let i = 0; i < 500 && workers.size > 0; ++i) {
    collect();
    await setTimeout(10);
  }
  return workers.size;
}

function messageOf(action) {
  try {
    return action();
  } catch (error) {
    return error.message;
  }
}
