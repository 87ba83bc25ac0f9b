// Instances of the module, and what its C++ library asks of a system.

const WASI_NO_SYSTEM_CALL = 52;

/** An instance of a module, on a memory that it shares or, without one, with its own. */
export async function instantiate(module, shared) {
  const memory = () => shared ?? instance.exports.memory;
  const instance = await WebAssembly.instantiate(module, { ...system(memory), env: { memory: shared } });
  return instance;
}

// There is nothing but a clock.
function system(memory) {
  const zero = (...pointers) => {
    for (const at of pointers) new DataView(memory().buffer).setUint32(at, 0, true);
    return 0;
  };
  const calls = {
    environ_sizes_get: zero,
    environ_get: () => 0,
    clock_time_get: (id, precision, at) => {
      new DataView(memory().buffer).setBigUint64(at, BigInt(Math.round(1e6 * performance.now())), true);
      return 0;
    },
    proc_exit: (code) => {
      throw new WebAssembly.RuntimeError(`exit ${code}`);
    },
  };
  const missing = () => WASI_NO_SYSTEM_CALL;
  return { wasi_snapshot_preview1: new Proxy(calls, { get: (known, name) => known[name] ?? missing }) };
}
