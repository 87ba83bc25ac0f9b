// Runs .tflite files in browsers and in Node, and skips every zero of their weights.

import { instantiate } from "./system.js";
import { checkNumber, end, maySleep, sharedMemory, start, unused } from "./threads.js";

// The bytes of a module with one instruction of relaxed SIMD: a browser validates it or not.
const RELAXED_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253,
  15, 253, 128, 2, 11,
]);

const ARRAYS = { float32: Float32Array, int8: Int8Array };

/** A model that cannot be run whole. */
export class UnsupportedModelError extends Error {
  constructor(message, operators) {
    super(message);
    this.name = "UnsupportedModelError";
    this.operators = operators;
  }
}

/** Loads a .tflite file: see index.d.ts. */
export async function load(source, { shapes = {}, relaxed = hasRelaxedSimd(), numThreads = 1 } = {}) {
  checkNumber(numThreads);
  const starting = Engine.start(relaxed, numThreads);
  try {
    const [bytes, engine] = await Promise.all([read(source), starting]);
    return new Model(engine, bytes, shapes);
  } catch (error) {
    starting.then((engine) => engine.close(), () => {});
    throw error;
  }
}

/** Whether this browser has relaxed SIMD, which multiplies and adds in one instruction. */
export function hasRelaxedSimd() {
  return WebAssembly.validate(RELAXED_SIMD);
}

class Model {
  #engine;
  #handle;
  #inputs;
  #outputs;

  constructor(engine, bytes, shapes) {
    this.#engine = engine;
    this.#handle = engine.read(bytes);
    const description = engine.describe(this.#handle);
    const problem = engine.error(this.#handle) || engine.plan(this.#handle, dimensions(description.inputs, shapes));
    if (problem) throw new UnsupportedModelError(problem, description.operators);
    const { inputs, outputs } = engine.describe(this.#handle);
    this.inputs = inputs;
    this.outputs = outputs;
    this.#inputs = inputs.map((_, i) => engine.exports.TfSparseModelInput(this.#handle, i));
    this.#outputs = outputs.map((_, i) => engine.exports.TfSparseModelOutput(this.#handle, i));
    this.numThreads = engine.numThreads;
    unused.register(this, engine.workers);
  }

  run(input) {
    const engine = this.#opened();
    this.#set(engine, input);
    engine.exports.TfSparseModelRun(this.#handle, false);
    return this.outputs.map((output, i) => engine.view(output, this.#outputs[i]).slice());
  }

  explain({ measure = false, runs = 20 } = {}) {
    const engine = this.#opened();
    for (let i = 0; measure && i < runs; ++i) engine.exports.TfSparseModelRun(this.#handle, true);
    return new Explanation(engine.describe(this.#handle));
  }

  close() {
    this.#engine?.close();
    this.#engine = null;
  }

  #opened() {
    if (this.#engine === null) throw new Error("the model is closed: load it again");
    return this.#engine;
  }

  #set(engine, input) {
    const isArray = ArrayBuffer.isView(input);
    if (isArray && this.inputs.length !== 1) {
      throw new TypeError(`expected an object with the inputs ${names(this.inputs)}, received one array`);
    }
    this.inputs.forEach((expected, i) => {
      const given = isArray ? input : input?.[expected.name];
      check(given, expected);
      engine.view(expected, this.#inputs[i]).set(given);
    });
  }
}

class Explanation {
  constructor({ isa, operators, steps, arenaBytes }) {
    this.isa = isa;
    this.arenaBytes = arenaBytes;
    this.operators = operators.map((operator) => ({ ...operator, ...total(steps, operator.index) }));
    this.milliseconds = sum(steps.map(milliseconds));
  }

  toString() {
    const rows = this.operators.map(({ operator, name, sparsity, kernel, milliseconds }) => [
      operator,
      sparsity === undefined ? "" : `${(100 * sparsity).toFixed(0)} %`,
      milliseconds === undefined ? "" : `${milliseconds.toFixed(3)} ms`,
      kernel,
      name,
    ]);
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()).join("\n");
  }
}

// The functions and the memory of one instance of the module. Each model has its own, so that all of
// it is freed with the model, and nothing of another is lost if it fails.
class Engine {
  workers = [];

  constructor(exports, memory) {
    this.exports = exports;
    this.memory = memory;
    this.exports._initialize();
  }

  static async start(relaxed, numThreads) {
    const shared = sharedMemory(numThreads);
    const module = await compiled(relaxed, shared !== undefined);
    const { exports } = await instantiate(module, shared);
    const engine = new Engine(exports, shared ?? exports.memory);
    if (shared) engine.workers = await start(numThreads, module, shared, (bytes) => engine.allocate(bytes));
    if (shared && maySleep()) exports.TfSparseMaySleep();
    return engine;
  }

  get numThreads() {
    return 1 + this.workers.length;
  }

  close() {
    end(this.workers);
  }

  allocate(bytes) {
    const at = this.exports.TfSparseAllocate(bytes);
    if (at === 0) throw new RangeError(`out of memory for ${bytes} bytes`);
    return at;
  }

  read(bytes) {
    const at = this.allocate(bytes.length);
    new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
    return this.#call(() => this.exports.TfSparseModelRead(at, bytes.length));
  }

  // Why it cannot be planned, or an empty text.
  plan(handle, dimensions) {
    const at = this.allocate(4 * dimensions.length);
    new Int32Array(this.memory.buffer, at, dimensions.length).set(dimensions);
    const planned = this.#call(() => this.exports.TfSparseModelPlan(handle, at, this.numThreads));
    return planned ? "" : this.error(handle);
  }

  describe(handle) {
    return JSON.parse(this.#text(this.exports.TfSparseModelDescribe(handle)));
  }

  error(handle) {
    return this.#text(this.exports.TfSparseModelError(handle));
  }

  // The numbers of an input or output. A call may grow the memory, which makes them invalid.
  view({ type, shape }, at) {
    return new ARRAYS[type](this.memory.buffer, at, size(shape));
  }

  // Compiled without exceptions, the module ends where memory is short.
  #call(body) {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      throw new RangeError("out of memory for this model", { cause: error });
    }
  }

  #text(at) {
    const bytes = new Uint8Array(this.memory.buffer);
    return new TextDecoder().decode(bytes.slice(at, bytes.indexOf(0, at)));
  }
}

const modules = new Map(); // promises, by file name

function compiled(relaxed, shared) {
  const name = `tfsparse${relaxed ? "_relaxed" : ""}${shared ? "_threads" : ""}.wasm`;
  if (!modules.has(name)) modules.set(name, read(new URL(name, import.meta.url)).then(WebAssembly.compile));
  return modules.get(name);
}

async function read(source) {
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (new URL(source, import.meta.url).protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return readFile(source);
  }
  const response = await fetch(source);
  if (!response.ok) throw new Error(`cannot read ${source}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

// The rank and the dimensions of every input, a rank of 0 for the shape in the file.
function dimensions(inputs, shapes) {
  const given = Array.isArray(shapes) && inputs.length === 1 ? { [inputs[0].name]: shapes } : shapes;
  for (const name of Object.keys(given)) {
    if (!inputs.some((input) => input.name === name)) {
      throw new TypeError(`expected shapes of the inputs ${names(inputs)}, received one of ${name}`);
    }
  }
  return inputs.flatMap(({ name }) => [given[name]?.length ?? 0, ...(given[name] ?? [])]);
}

function check(given, { name, type, shape }) {
  const expected = ARRAYS[type];
  if (given instanceof expected && given.length === size(shape)) return;
  const received = ArrayBuffer.isView(given) ? `${given.constructor.name} of ${given.length}` : typeof given;
  throw new TypeError(
    `expected a ${expected.name} of ${size(shape)} numbers, [${shape}], for input ${name}, received ${received}`
  );
}

// Of an operator, which may have several steps, or none if it is done by another's.
function total(steps, index) {
  const own = steps.filter((step) => step.operator === index);
  const measured = own.some((step) => step.seconds !== null);
  return {
    kernel: own.map((step) => step.kernel).join(", "),
    macs: sum(own.map((step) => step.macs)),
    milliseconds: measured ? sum(own.map(milliseconds)) : undefined,
  };
}

const milliseconds = (step) => 1000 * step.seconds;
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const size = (shape) => shape.reduce((a, b) => a * b, 1);
const names = (inputs) => inputs.map((input) => input.name).join(", ");
