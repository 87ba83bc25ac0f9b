// The workers of a model, which compute beside the thread that calls it.

const PAGE = 65536; // bytes
// As delegate/packaging/web.py links the modules.
const INITIAL_MEMORY = 4 << 20;
const MAXIMUM_MEMORY = 2 ** 31;
const STACK = 1 << 18; // bytes of a worker's stack; kernels need a few kilobytes

/** Ends the workers of a model that is no longer used. */
export const unused = new FinalizationRegistry(end);

/** Throws a TypeError if a number of threads is none. */
export function checkNumber(numThreads) {
  if (Number.isInteger(numThreads) && numThreads > 0) return;
  throw new TypeError(`expected a positive integer as numThreads, received ${typeof numThreads} ${numThreads}`);
}

/** A memory for several threads, or undefined if only one is wanted or possible. */
export function sharedMemory(numThreads) {
  // A page whose server does not isolate it from others cannot share memory.
  if (numThreads === 1 || !globalThis.SharedArrayBuffer || globalThis.crossOriginIsolated === false) return undefined;
  try {
    return new WebAssembly.Memory({ initial: INITIAL_MEMORY / PAGE, maximum: MAXIMUM_MEMORY / PAGE, shared: true });
  } catch {
    return undefined; // a device with less
  }
}

/**
 * Starts workers and waits until they are ready for jobs.
 * @param allocate returns the address of a number of bytes
 * @returns {Promise<Worker[]>} Fewer than wanted if the system has fewer cores, or forbids some.
 */
export async function start(numThreads, module, memory, allocate) {
  const count = Math.min(numThreads, await cores()) - 1;
  const stacks = Array.from({ length: count }, () => allocate(STACK) + STACK); // they grow downwards
  const starting = stacks.map((stack) => startOne({ module, memory, stack }).catch(() => null));
  return (await Promise.all(starting)).filter((worker) => worker !== null);
}

/** Whether this thread may sleep. That of a page may not, so that the page stays responsive. */
export function maySleep() {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends workers. Those that ended before are left alone. */
export function end(workers) {
  for (const worker of workers) worker.terminate();
}

async function cores() {
  return globalThis.navigator?.hardwareConcurrency ?? (await import("node:os")).availableParallelism();
}

async function startOne(job) {
  const worker = await create();
  const listen = (worker.addEventListener ?? worker.on).bind(worker);
  try {
    await new Promise((resolve, reject) => {
      // Node.js passes the message itself.
      listen("message", (message) => ((message.data ?? message).ready ? resolve() : reject()));
      listen("error", reject);
      worker.postMessage(job);
    });
  } catch (error) {
    worker.terminate();
    throw error;
  }
  worker.unref?.(); // a script in Node.js ends without it
  return worker;
}

async function create() {
  // In one expression, by which bundlers find the file.
  if (globalThis.Worker) return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const threads = await import("node:worker_threads");
  // Flags of the process, such as --input-type, may not fit.
  return new threads.Worker(new URL("./worker_node.js", import.meta.url), { execArgv: [] });
}
