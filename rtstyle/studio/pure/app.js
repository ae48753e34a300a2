// The page without a server: camera, photo or film, painted in this browser.

import { Engine } from "./engine_link.js";
import { Compositor } from "./shader.js";
import { rgbOf, shownSize } from "./pixels.js";
import { isolate } from "./offline.js";
import { PageRecorder, save } from "./record.js";
import { element } from "./controls.js";

const $ = (id) => document.getElementById(id);
const say = (text, isBad = false) => { $("notice").textContent = text; $("notice").classList.toggle("bad", isBad); };
const engine = new Engine();
const compositor = new Compositor($("picture"));
const recorder = new PageRecorder($("picture"), say);
let table = null;
let style = null;
let source = null;
let turn = 0;

function cards() {
  for (const row of table.styles) {
    const light = row.has_twin ? `styles/${row.name}.int8.onnx` : null;
    const file = row.modulation ? table.painting.network : `styles/${row.name}.onnx`;
    addCard({ ...row, file, light });
  }
  $("cards").children[1].querySelector("button").click();
}

function addCard(row, picture = `thumbs/${row.name}.webp`) {
  const image = element("img", { alt: "", src: picture });
  const button = element("button", { type: "button", "aria-pressed": "false" }, image,
    element("span", { class: "name" }, row.title), element("span", { class: "by" }, row.by ?? "your painting"));
  button.addEventListener("click", async () => {
    for (const other of $("cards").querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button));
    say(`${row.title}: loading…`);
    await engine.ask({ do: "load", ...networkOf(row) });
    style = row;
    $("row-style-strength").hidden = !row.modulation;
    say("");
    if (source?.isStill) paint();
  });
  $("cards").append(element("li", { class: "card" }, button));
  return button;
}

const networkOf = ({ file, light }) => ({ file, light: $("quick").checked ? light : null });

/** Take any painting: what the encoder sees in it goes beside every frame. */
async function addPainting(file) {
  if (/svg/.test(file.type) || !file.type.startsWith("image/")) { say(`${file.name}: expected a picture made of pixels`, true); return; }
  try {
    const picture = await createImageBitmap(file);
    const [width, height] = shownSize(picture.width, picture.height, table.painting.side);
    const { modulation } = await engine.ask({ do: "encode", file: table.painting.encoder, pixels: rgbOf(picture, width, height), width, height });
    const row = { title: file.name.replace(/\.\w+$/, ""), file: table.painting.network, modulation };
    addCard(row, URL.createObjectURL(file)).click();
  } catch (error) { say(`${file.name}: ${error.message}`, true); }
}

function modulationNow() {
  const { modulation } = style;
  const share = Number($("style-strength").value);
  return modulation && modulation.map((number, place) => share * number + (1 - share) * table.painting.neutral[place]);
}

async function paint() {
  const mine = (turn += 1);
  const { picture, width, height } = source;
  const lines = Math.min(height, Number($("lines").value));
  const columns = Math.max(16, Math.round(width * lines / height));
  const shown = await createImageBitmap(picture);
  const seen = rgbOf(shown, columns, lines);
  const began = performance.now();
  const { pixels, where } = await engine.ask({ do: "run", ...networkOf(style), pixels: seen, width: columns, height: lines, modulation: modulationNow() });
  const took = performance.now() - began;
  if (mine !== turn) return;
  compositor.take(shown, seen, pixels, columns, lines);
  shown.close();
  draw();
  $("cover").hidden = true;
  $("row-quick").hidden = where === "GPU";
  $("figures").textContent = `${(1000 / took).toFixed(1)} fps · ${Math.round(took)} ms · ${where}`;
}

function draw() {
  if (!source) return;
  compositor.draw(source.width, source.height, {
    strength: Number($("strength").value), split: Number($("split").value),
    mirror: source.isCamera && $("mirror").checked ? 1 : 0, keepColors: $("keep-colors").checked ? 1 : 0,
  });
}

async function loop(mine) {
  while (source === mine && !mine.isStill) {
    if (style && mine.picture.readyState >= 2) {
      try { await paint(); } catch (error) { say(error.message, true); }
    }
    await new Promise((resolve) => setTimeout(resolve, style ? 0 : 50));
  }
}

function use(next) {
  source?.stop?.();
  source = next;
  if (next.isStill) { if (style) paint(); } else loop(next);
}

async function useCamera() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } });
    const video = await playing({ srcObject: stream });
    use({ picture: video, width: video.videoWidth, height: video.videoHeight, isCamera: true, stop: () => stream.getTracks().forEach((track) => track.stop()) });
  } catch (error) { say(error.name === "NotAllowedError" ? "allow the camera for this page" : `camera: ${error.message}`, true); }
}

async function playing(what) {
  const video = Object.assign(document.createElement("video"), { muted: true, loop: true, playsInline: true, ...what });
  await video.play();
  return video;
}

async function useFile(file) {
  if (!file) return;
  try {
    if (file.type.startsWith("video/")) {
      const video = await playing({ src: URL.createObjectURL(file) });
      use({ picture: video, width: video.videoWidth, height: video.videoHeight, stop: () => video.pause() });
    } else {
      const picture = await createImageBitmap(file);
      use({ picture, width: picture.width, height: picture.height, isStill: true });
    }
  } catch { say(`${file.name}: this browser cannot read it`, true); }
}

/** Show beside each slider where it stands. */
function showValues() {
  for (const input of document.querySelectorAll(".control input[type=range]")) {
    const output = element("output", { for: input.id });
    const show = () => { output.value = input.id === "lines" ? `${input.value} lines` : `${Math.round(input.value * 100)} %`; };
    input.addEventListener("input", show);
    input.previousElementSibling.append(output);
    show();
  }
}

async function start() {
  showValues();
  await isolate();
  table = await (await fetch("styles.json")).json();
  cards();
  await useFile(new File([await (await fetch("sample.jpg")).blob()], "sample.jpg", { type: "image/jpeg" }));
  $("use-camera").addEventListener("click", useCamera);
  $("use-file").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => useFile($("file").files[0]));
  $("add").addEventListener("click", () => $("painting").click());
  $("painting").addEventListener("change", () => addPainting($("painting").files[0]));
  for (const id of ["strength", "split", "keep-colors", "mirror"]) $(id).addEventListener("input", draw);
  for (const id of ["style-strength", "lines", "quick"]) $(id).addEventListener("input", () => source?.isStill && paint());
  $("snapshot").addEventListener("click", () => $("picture").toBlob((blob) => save(blob, "rtstyle.png")));
  $("record").addEventListener("click", () => {
    if (recorder.isOn) recorder.stop(); else recorder.start({ withSound: true });
    $("record").classList.toggle("on", recorder.isOn);
    $("record").querySelector("span").textContent = recorder.isOn ? "Stop" : "Record";
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) (event.target.closest(".gallery") ? addPainting : useFile)(file);
  });
  addEventListener("visibilitychange", () => say(document.hidden ? "paused while the page is hidden" : ""));
}

start().catch((error) => { $("cover").textContent = error.message; });
