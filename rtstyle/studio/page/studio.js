// The studio's page: ties picture, controls, gallery, jobs and presets together.

import { Controls } from "./controls.js";
import { Gallery } from "./gallery.js";
import { Jobs } from "./jobs.js";
import { Link, act, ask, enter } from "./link.js";
import { Midi } from "./midi.js";
import { PageMicrophone } from "./microphone.js";
import { PageCamera } from "./pagecamera.js";
import { PictureView, dragSplit } from "./picture.js";
import { Presets } from "./presets.js";
import { PageRecorder } from "./record.js";
import { takeDrops } from "./drops.js";
import { answerKeys } from "./keys.js";

const $ = (id) => document.getElementById(id);
let state = null;
let link = null;
let said = 0;

function say(text, isBad = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("bad", isBad);
  said = performance.now() + (isBad ? 12000 : 4000);
}

function cover(text) {
  $("cover").hidden = !text;
  if (text) $("cover").textContent = text;
}

const send = (message) => link?.send(message) || say("the studio does not answer; is it still running?", true);
const set = (name, value) => send({ do: "set", name, value });
const view = new PictureView($("picture"), { onDrawn: () => { if (state && !state.error) cover(""); } });
const gallery = new Gallery({ cards: $("cards"), mixture: $("mixture"), send, say });
const jobs = new Jobs({ list: $("jobs"), files: $("files"), filesTitle: $("h-files"), send, say });
const presets = new Presets({ list: $("presets"), send, say });
const recorder = new PageRecorder($("picture"), say);
const midi = new Midi({ send, tell: (text) => { $("midi-state").textContent = text; } });
const microphone = new PageMicrophone({ send: (data) => link.send(data), say });
let controls = null;
let camera = null;

function show(next) {
  state = next;
  controls?.show(state.controls, { hasStrength: state.style.has_strength, hasMask: state.has_mask });
  gallery.show(state);
  jobs.show(state);
  presets.show(state.presets);
  showTools();
  showCamera();
  showFigures();
  if (state.notice && performance.now() > said) { $("notice").textContent = state.notice; $("notice").classList.remove("bad"); }
  else if (!state.notice && performance.now() > said) $("notice").textContent = "";
  if (state.error) cover(`${state.error}\n\nChoose another camera, or plug it in and press “Try again”.`);
  else if (!state.is_ready) cover("Starting…");
  $("pause").textContent = state.error ? "Try again" : "Pause";
  $("folder").textContent = state.folder;
}

function showTools() {
  const isRecording = state.recording || recorder.isOn;
  $("record").classList.toggle("on", isRecording);
  $("record").querySelector("span").textContent = isRecording ? "Stop" : "Record";
  $("record").setAttribute("aria-pressed", String(isRecording));
  $("pause").setAttribute("aria-pressed", String(state.controls.paused && !state.error));
  $("virtualcam").setAttribute("aria-pressed", String(state.virtualcam.on));
  $("virtualcam").title = state.virtualcam.problem;
  if (performance.now() - splitHeld > 700) showSplit(state.controls.split);
}

function showCamera() {
  const { id, size, sizes, choices } = state.camera;
  fill($("camera"), choices.map((choice) => [choice.id, choice.title]), id);
  fill($("size"), sizes.map((name) => [name, name.replace("x", " × ")]), size);
  if (id === "page" && !camera.failed) camera.start(size);
  else if (id !== "page") camera.stop();
}

function fill(select, rows, value) {
  if (document.activeElement === select && select.matches(":open")) return;
  const key = JSON.stringify(rows);
  if (select.dataset.rows !== key) {
    select.dataset.rows = key;
    select.replaceChildren(...rows.map(([name, title]) => new Option(title, name)));
  }
  if (!rows.some(([name]) => name === value)) select.append(new Option(value.replace("x", " × "), value));
  select.value = value;
}

function showFigures() {
  const { fps, load, age_ms: age } = state.figures;
  $("fps").textContent = `${fps.toFixed(fps < 10 ? 1 : 0)} fps`;
  $("age").textContent = `${Math.round(view.age ?? age)} ms old`;
  $("load").textContent = `${load} % load`;
}

let splitHeld = 0;
function showSplit(share) {
  $("split").hidden = !share;
  $("split").style.left = `${share * 100}%`;
  $("split").setAttribute("aria-valuenow", String(Math.round(share * 100)));
  $("before").setAttribute("aria-pressed", String(Boolean(share)));
}
function moveSplit(share) {
  splitHeld = performance.now();
  showSplit(share);
  set("split", share);
}

function onMessage(message) {
  if (message.type === "state") show(message);
  else if (message.type === "refused") say(message.text, true);
  else if (message.type === "credit") camera.onCredit();
}

const tools = {
  before: () => moveSplit(state.controls.split ? 0 : 0.5),
  full: () => (document.fullscreenElement ? document.exitFullscreen() : $("frame").requestFullscreen()),
  pause: () => (state.error ? send({ do: "begin_again" }) : set("paused", !state.controls.paused)),
  snapshot: () => send({ do: "snapshot" }),
  virtualcam: () => send({ do: "virtualcam", on: !state.virtualcam.on }),
  record: async () => {
    const withSound = $("with-sound").checked;
    if (recorder.isOn) return recorder.stop();
    if (!state.recording && $("in-browser").checked) return recorder.start({ withSound });
    const isHeard = !state.recording && withSound && (await microphone.start());
    if (state.recording) microphone.stop();
    send({ do: "record", on: !state.recording, microphone: isHeard });
  },
  midi: () => midi.learn(),
  add: () => $("painting-file").click(),
  "add-film": () => $("film-file").click(),
};

async function start() {
  if (!(await enter())) { cover("Open the address that rtstyle printed in the terminal: it ends with a secret that this page needs."); return; }
  const answer = await ask("/api/controls");
  if (!answer.ok) { sessionStorage.clear(); cover("This address is of an earlier run.\nOpen the one that rtstyle printed."); return; }
  const { controls: table, view: secret } = await answer.json();
  controls = new Controls($("controls"), table, set);
  $("obs").value = `${location.origin}/obs#view=${secret}`;
  $("mjpeg").value = `${location.origin}/stream.mjpg?view=${secret}`;
  camera = new PageCamera({ link: { send: (message) => link.send(message) }, say });
  link = new Link("/ws", undefined, {
    onMessage,
    onPicture: (data) => view.show(data, () => link.send("a")),
    onLost: () => { cover("The studio does not answer.\nIt goes on as soon as it is there again."); camera.onCredit(); },
    onRefused: () => cover("This address is of an earlier run.\nOpen the one that rtstyle printed."),
  });
  for (const [id, action] of Object.entries(tools)) $(id).addEventListener("click", () => state && action());
  $("camera").addEventListener("change", () => { camera.stop(); send({ do: "camera", name: $("camera").value }); });
  $("camera").addEventListener("focus", () => send({ do: "cameras" }));
  $("size").addEventListener("change", () => { camera.stop(); send({ do: "camera", size: $("size").value }); });
  $("own-thumbs").addEventListener("change", () => gallery.ofCamera($("own-thumbs").checked));
  $("painting-file").addEventListener("change", () => gallery.add([...$("painting-file").files]));
  $("film-file").addEventListener("change", () => jobs.add([...$("film-file").files]));
  for (const id of ["obs", "mjpeg"]) $(id).addEventListener("focus", () => $(id).select());
  dragSplit($("split"), $("frame"), moveSplit);
  presets.listen({ form: $("save-preset"), title: $("preset-title"), share: $("share"), open: $("open-look"), file: $("look-file"), act });
  takeDrops({ gallery, jobs, filmZone: $("job-drop"), hint: $("dropping") });
  answerKeys({ state: () => state, send, set, tools });
}

start();
