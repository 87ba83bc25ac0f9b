// As worker.js, in Node.js. In a file of its own: bundlers for pages cannot resolve what it imports.
import { parentPort } from "node:worker_threads";
import { work } from "./worker.js";

parentPort.on("message", (data) => work(parentPort, data));
