// The two runtimes, with one interface: a function that runs a model on an array.
import { load } from "tfsparse";

export const RUNTIMES = [
  { id: "dense", title: "LiteRT.js, every weight", open: openLitert },
  { id: "sparse", title: "tfsparse, without the zeros", open: openTfsparse },
];

/** Opens a file that tfsparse can run: {inputs, explain, run}. */
export async function openTfsparse(bytes) {
  const model = await load(bytes);
  return { inputs: model.inputs, explain: () => model.explain(), run: async (input) => model.run(input) };
}

let litert;

/** Opens a file with Google's runtime. */
export async function openLitert(bytes) {
  litert ??= import("@litertjs/core").then(async (module) => {
    await module.loadLiteRt("./node_modules/@litertjs/core/wasm/");
    return module;
  });
  const { loadAndCompile, Tensor } = await litert;
  const model = await loadAndCompile(bytes, { accelerator: "wasm" });
  return {
    async run(input, shape) {
      const tensor = new Tensor(input, shape);
      const outputs = await model.run(tensor);
      const arrays = outputs.map((output) => output.toTypedArray().slice());
      for (const one of [tensor, ...outputs]) one.delete();
      return arrays;
    },
  };
}
