/** What a model can be read from: an address, the file that a user chose, or its bytes. */
export type Source = string | URL | Blob | ArrayBuffer | ArrayBufferView;

/** The numbers of a tensor, in TFLite's order: NHWC for images. */
export type Numbers = Float32Array | Int8Array;

/** An input or output of a model. A number q of an int8 one stands for scale * (q - zeroPoint). */
export interface TensorInfo {
  readonly name: string;
  readonly type: "float32" | "int8";
  readonly shape: readonly number[];
  readonly scale?: number;
  readonly zeroPoint?: number;
}

export interface LoadOptions {
  /**
   * Shapes of inputs with open dimensions by name, or the shape of the only input. By default the
   * shapes in the file, which have a batch of 1.
   */
  shapes?: Record<string, number[]> | number[];
  /**
   * Whether to use relaxed SIMD, by default where the browser has it. It is faster, and results may
   * differ in the last digits between processors.
   */
  relaxed?: boolean;
  /**
   * Threads that run the model, by default 1. No more are used than there are cores, and only one
   * where memory cannot be shared: in a page, the server has to isolate it from other origins.
   * `Model.numThreads` says how many are used.
   */
  numThreads?: number;
}

/** How one operator of a model is run. */
export interface OperatorInfo {
  /** Its number in the file. */
  readonly index: number;
  /** Its TFLite name, such as CONV_2D. */
  readonly operator: string;
  /** The name of its output. */
  readonly name: string;
  readonly taken: boolean;
  /** Why it cannot be run, or empty. */
  readonly reason: string;
  /** The shape of its weights in TFLite's order, the fraction of zeros, and whether the file stores them sparse. */
  readonly weights?: readonly number[];
  readonly sparsity?: number;
  readonly encoded?: boolean;
}

/** The same with what runs it. */
export interface PlannedOperator extends OperatorInfo {
  /** Empty if the operator is done by another's. */
  readonly kernel: string;
  /** Multiplications with weights other than zero. */
  readonly macs: number;
  /** Of its fastest run, if it was measured. */
  readonly milliseconds?: number;
}

export interface Explanation {
  /** The instructions that are used: "wasm" or "wasm relaxed". */
  readonly isa: string;
  /** Memory of activations. */
  readonly arenaBytes: number;
  readonly operators: readonly PlannedOperator[];
  /** The sum over all steps. */
  readonly milliseconds: number;
  /** A table with a line for each operator. */
  toString(): string;
}

export interface Model {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Threads that run it, with the one that calls `run`. */
  readonly numThreads: number;
  /**
   * Runs the model on the numbers of its only input, or of all inputs by name.
   * @returns The numbers of each of `outputs`, in new arrays.
   * @throws TypeError if an array is missing, or of another type or length.
   * @throws Error if the model was closed.
   */
  run(input: Numbers | Record<string, Numbers>): Numbers[];
  /**
   * Lists the operators and what runs them.
   * @param options measure: also run on the latest input and time every operator; the result is the
   *   fastest of `runs`, 20 by default.
   * @throws Error if the model was closed.
   */
  explain(options?: { measure?: boolean; runs?: number }): Explanation;
  /**
   * Ends the other threads of the model at once and lets go of its memory; nothing if it is closed
   * already. Else this happens when nothing refers to the model any more, at a time that the
   * JavaScript engine chooses.
   */
  close(): void;
}

/** A model with an operator that cannot be run, or a damaged file. */
export class UnsupportedModelError extends Error {
  readonly operators: readonly OperatorInfo[];
}

/**
 * Loads a .tflite file.
 * @throws UnsupportedModelError if an operator cannot be run, a shape does not fit, or the file is damaged.
 * @throws RangeError if memory is short.
 * @throws TypeError if an option is wrong.
 */
export function load(source: Source, options?: LoadOptions): Promise<Model>;

/** Whether this browser has relaxed SIMD. */
export function hasRelaxedSimd(): boolean;
