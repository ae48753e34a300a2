// A worker that runs networks: bytes in, bytes out. Messages carry an id and are answered.

import * as ort from "./ort/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
ort.env.wasm.numThreads = self.crossOriginIsolated
  ? Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) >> 1)) : 1;
ort.env.logLevel = "error";

const sessions = new Map();

function session(file) {
  if (!sessions.has(file)) sessions.set(file, ort.InferenceSession.create(new URL(file, import.meta.url).href));
  return sessions.get(file);
}

const actions = {
  /** Load a network. */
  async load({ file }) { await session(file); return {}; },

  /** Stylize RGB bytes of shape (height, width, 3). */
  async run({ file, pixels, width, height, modulation }) {
    const feeds = { frame: new ort.Tensor("uint8", pixels, [height, width, 3]) };
    if (modulation) feeds.modulation = new ort.Tensor("float32", modulation, [modulation.length]);
    const { stylized } = await (await session(file)).run(feeds);
    return { pixels: stylized.data };
  },

  /** Return the modulation of a painting. */
  async encode({ file, pixels, width, height }) {
    const painting = new ort.Tensor("uint8", pixels, [height, width, 3]);
    const { modulation } = await (await session(file)).run({ painting });
    return { modulation: modulation.data };
  },
};

self.onmessage = async ({ data }) => {
  try {
    const answer = await actions[data.do](data);
    const moved = answer.pixels ? [answer.pixels.buffer] : [];
    self.postMessage({ id: data.id, ...answer }, moved);
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error.message ?? error) });
  }
};
