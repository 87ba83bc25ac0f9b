// Runs both runtimes in turn on the latest picture, and shows their latency.
import { RUNTIMES } from "./runtimes.js";

const KEPT = 15; // times of which the median is shown
const PAUSE = 30; // milliseconds, so that the page stays responsive

const element = (id) => document.getElementById(id);
const canvas = element("image");
const pixels = canvas.getContext("2d", { willReadFrequently: true });

let current = 0; // number of the model that runs; an older loop ends
let source = null; // a picture or the camera's video

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const size = (shape) => shape.reduce((a, b) => a * b, 1);

function show(problem) {
  element("problem").textContent = problem?.message ?? problem ?? "";
}

async function runFile(bytes) {
  const number = ++current;
  show("");
  element("summary").textContent = "loading";
  try {
    await compare(number, bytes);
  } catch (error) {
    element("summary").textContent = "";
    show(error);
  }
}

async function compare(number, bytes) {
  const opened = {};
  // The second first: it says why, if it cannot run a file.
  for (const { id, open } of RUNTIMES.toReversed()) opened[id] = await open(bytes);
  const [{ shape, type }, ...others] = opened.sparse.inputs;
  if (others.length > 0 || type !== "float32") throw new Error("this page needs a model with one float input");
  element("explanation").textContent = opened.sparse.explain();
  const rows = addRows();
  const times = Object.fromEntries(RUNTIMES.map(({ id }) => [id, []]));
  while (number === current) {
    const input = readInput(shape);
    const outputs = {};
    for (const { id } of RUNTIMES) {
      const start = performance.now();
      outputs[id] = await opened[id].run(input, shape);
      times[id] = [...times[id], performance.now() - start].slice(-KEPT);
    }
    update(rows, times, outputs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

function addRows() {
  element("rows").replaceChildren();
  return Object.fromEntries(
    RUNTIMES.map(({ id, title }) => {
      const row = document.createElement("div");
      row.className = `row ${id}`;
      const label = document.createElement("span");
      label.textContent = title;
      const [value, bar] = [document.createElement("output"), document.createElement("div")];
      bar.className = "bar";
      row.append(label, value, bar);
      element("rows").append(row);
      return [id, { value, bar }];
    })
  );
}

function update(rows, times, outputs) {
  const medians = Object.fromEntries(Object.entries(times).map(([id, all]) => [id, median(all)]));
  const slowest = Math.max(...Object.values(medians));
  for (const [id, { value, bar }] of Object.entries(rows)) {
    value.textContent = `${medians[id].toFixed(1)} ms`;
    bar.style.width = `${(100 * medians[id]) / slowest}%`;
  }
  const ratio = (medians.dense / medians.sparse).toFixed(1);
  element("summary").textContent = `${ratio} times as fast; outputs differ by ${difference(outputs).toExponential(0)}`;
}

// The largest difference relative to the largest number. Outputs of equal length are compared.
function difference({ dense, sparse }) {
  const errors = dense.map((expected) => {
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
    const alike = sparse.filter((output) => output.length === expected.length);
    const errorOf = (output) => output.reduce((a, b, i) => Math.max(a, Math.abs(b - expected[i])), 0);
    return Math.min(...alike.map(errorOf)) / largest;
  });
  return Math.max(...errors);
}

// The picture in the size of the model's input, from 0 to 1; zeros for a model of other data.
function readInput(shape) {
  const input = new Float32Array(size(shape));
  const [batch, height, width, channels] = shape;
  if (shape.length !== 4 || batch !== 1 || channels !== 3) return input;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  if (source) pixels.drawImage(source, 0, 0, width, height);
  const { data } = pixels.getImageData(0, 0, width, height);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    for (let channel = 0; channel < 3; ++channel) input[to++] = data[from + channel] / 255;
  }
  return input;
}

async function usePicture(file) {
  source = await createImageBitmap(file);
}

async function useCamera() {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true });
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  await video.play();
  source = video;
}

async function useFile(file) {
  if (file.name.endsWith(".tflite")) return runFile(new Uint8Array(await file.arrayBuffer()));
  return usePicture(file);
}

const guarded = (action) => (event) => Promise.resolve(action(event)).catch(show);

async function useModel(name) {
  const response = await fetch(`models/${encodeURIComponent(name)}`);
  return runFile(new Uint8Array(await response.arrayBuffer()));
}

async function start() {
  const names = await (await fetch("models.json")).json();
  element("models").replaceChildren(...names.map((name) => new Option(name.replace(".tflite", ""), name)));
  element("models").addEventListener("change", guarded((event) => useModel(event.target.value)));
  for (const id of ["file", "picture"]) {
    element(id).addEventListener("change", guarded((event) => useFile(event.target.files[0])));
  }
  element("camera").addEventListener("click", guarded(useCamera));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", guarded((event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    return useFile(event.dataTransfer.files[0]);
  }));
  if (names.length === 0) return show("models/ is empty: python examples/web/models.py writes models there");
  return useModel(names[0]);
}

start().catch(show);
