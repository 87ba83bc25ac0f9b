// One thread of a model: an instance of the module on the memory of the model's own instance.
import { instantiate } from "./system.js";

/** Reports on a port whether the thread is ready for jobs. Does not return if it is. */
export async function work(port, { module, memory, stack }) {
  let exports;
  try {
    ({ exports } = await instantiate(module, memory));
    exports.__stack_pointer.value = stack;
  } catch {
    port.postMessage({ ready: false });
    return;
  }
  port.postMessage({ ready: true });
  exports.TfSparseWork();
}

if (globalThis.WorkerGlobalScope) addEventListener("message", ({ data }) => work(globalThis, data));
