// A worker that runs networks: bytes in, bytes out. Messages carry an id and are answered.
//
// On a real GPU by WebGPU, always in float32; else by WebAssembly, where a style's int8
// twin (`light`) is quicker. The program for WebGPU is fetched only when it is needed.

const sessions = new Map();
let runtime = null;

/** Return a GPU; one that is the processor in disguise is none, unless a test wants it. */
async function realAdapter(takesFallback) {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return null;
  const isFallback = adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false;
  return isFallback && !takesFallback ? null : adapter;
}

async function imported(isGpu) {
  const ort = await import(isGpu ? "./ort/ort.webgpu.bundle.min.mjs" : "./ort/ort.wasm.min.mjs");
  const program = (name) => new URL(`./ort/${name}`, import.meta.url).href;
  ort.env.wasm.wasmPaths = isGpu ? { wasm: program("ort-wasm-simd-threaded.asyncify.wasm") } : program("");
  ort.env.wasm.numThreads = self.crossOriginIsolated && !isGpu
    ? Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) >> 1)) : 1;
  ort.env.logLevel = "error";
  const threads = ort.env.wasm.numThreads;
  return { ort, isGpu, where: isGpu ? "GPU" : `processor, ${threads} thread${threads > 1 ? "s" : ""}` };
}

/** Choose where networks run; once, and again without the GPU when that fails. */
function begin({ takesFallback = false, isGpuAllowed = true } = {}) {
  sessions.clear();
  runtime = (async () => imported(isGpuAllowed && Boolean(await realAdapter(takesFallback))))();
  return runtime;
}

function session({ ort, isGpu }, { file, light }) {
  const name = (!isGpu && light) || file;
  if (!sessions.has(name)) {
    const options = { executionProviders: [isGpu ? "webgpu" : "wasm"], logSeverityLevel: 3 };
    sessions.set(name, ort.InferenceSession.create(new URL(name, import.meta.url).href, options));
  }
  return sessions.get(name);
}

/** Do something with a network; if the GPU fails or is lost, with the processor. */
async function tried(message, work) {
  const here = await (runtime ?? begin());
  try {
    return { where: here.where, ...await work(here, await session(here, message)) };
  } catch (error) {
    if (!here.isGpu) throw error;
    console.warn(`GPU: ${error.message}`);
    const there = await begin({ isGpuAllowed: false });
    return { where: there.where, ...await work(there, await session(there, message)) };
  }
}

const actions = {
  /** Choose anew where networks run. */
  async begin(message) { return { where: (await begin(message)).where }; },

  /** Load a network. */
  load: (message) => tried(message, () => ({})),

  /** Stylize RGB bytes of shape (height, width, 3). */
  run: (message) => tried(message, async ({ ort }, network) => {
    const { pixels, width, height, modulation } = message;
    const feeds = { frame: new ort.Tensor("uint8", pixels, [height, width, 3]) };
    if (modulation) feeds.modulation = new ort.Tensor("float32", modulation, [modulation.length]);
    const { stylized } = await network.run(feeds);
    return { pixels: await stylized.getData() };
  }),

  /** Return the modulation of a painting. */
  encode: (message) => tried(message, async ({ ort }, network) => {
    const { pixels, width, height } = message;
    const painting = new ort.Tensor("uint8", pixels, [height, width, 3]);
    const { modulation } = await network.run({ painting });
    return { modulation: await modulation.getData() };
  }),
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
