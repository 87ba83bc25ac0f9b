// Runs models in Node or in a browser, for test_web.py. Bytes are in base64.

/** Of every case {model, inputs, options}: {inputs, outputs, isa, steps}, or {error, message}. */
export async function check(load, cases) {
  const results = [];
  for (const one of cases) results.push(await result(load, one));
  return { results };
}

/** The same for the cases of /job.json, in a page. */
export async function main() {
  const { load } = await import("tfsparse");
  return check(load, await (await fetch("/job.json")).json());
}

async function result(load, { model, inputs, options }) {
  try {
    const loaded = await load(decode(model), options);
    const given = loaded.inputs.map(({ name, type }) => [name, array(type, decode(inputs[name]))]);
    const outputs = loaded.run(given.length === 1 ? given[0][1] : Object.fromEntries(given));
    const again = loaded.run(Object.fromEntries(given));
    const explanation = loaded.explain({ measure: true, runs: 2 });
    return {
      inputs: loaded.inputs,
      outputs: loaded.outputs.map((output, i) => ({ ...output, numbers: encode(outputs[i]) })),
      repeats: outputs.every((output, i) => encode(output) === encode(again[i])),
      isa: explanation.isa,
      numThreads: loaded.numThreads,
      operators: explanation.operators,
      text: String(explanation),
    };
  } catch (error) {
    return { error: error.name, message: error.message, operators: error.operators };
  }
}

const array = (type, bytes) => (type === "int8" ? new Int8Array(bytes.buffer) : new Float32Array(bytes.buffer));
const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function encode(numbers) {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}
