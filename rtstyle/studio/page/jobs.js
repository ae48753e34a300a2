// Films and pictures that are painted as files, and what was recorded.

import { download, upload } from "./link.js";
import { element } from "./controls.js";

const STATES = { waiting: "waiting", running: "painting", done: "done", failed: "failed", cancelled: "cancelled" };

export class Jobs {
  constructor({ list, files, filesTitle, send, say }) {
    Object.assign(this, { list, files, filesTitle, send, say });
    this.sending = new Map();
    this.text = "";
  }

  async add(films) {
    for (const film of films) {
      const key = `${film.name} ${performance.now()}`;
      try {
        await upload("film", film, (share) => { this.sending.set(key, { title: film.name, share }); this.show(this.last); });
      } catch (error) { this.say(error.message, true); }
      this.sending.delete(key);
      this.show(this.last);
    }
  }

  show(state) {
    if (!state) return;
    this.last = state;
    const text = JSON.stringify([state.jobs, state.files, [...this.sending]]);
    if (text === this.text) return;
    const held = document.activeElement?.dataset?.key;
    this.text = text;
    const sending = [...this.sending.values()].map(({ title, share }) =>
      row(title, `sending, ${Math.round(share * 100)} %`, share, []));
    this.list.replaceChildren(...sending, ...state.jobs.toReversed().map((job) => this.job(job)));
    this.files.replaceChildren(...state.files.map((name, place) => row(name, "", null,
      [action("Download", `f${place}`, name, () => this.fetch({ file: place }))])).reverse());
    this.filesTitle.hidden = !state.files.length;
    if (held) document.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }

  job(job) {
    const left = job.seconds_left == null ? "" : `, ${remaining(job.seconds_left)} left`;
    const how = job.state === "running" ? `${Math.round(job.done * 100)} %${left}` : STATES[job.state];
    const does = [];
    if (job.state === "done") does.push(action("Download", `d${job.id}`, job.title, () => this.fetch({ id: job.id })));
    const isOver = !["running", "waiting"].includes(job.state);
    does.push(action(isOver ? "Remove" : "Cancel", `c${job.id}`, job.title, () => this.send({ do: "cancel", id: job.id })));
    return row(job.title, job.error || `${how} · ${job.style}`, job.state === "running" ? job.done : null, does, Boolean(job.error));
  }

  async fetch(message) {
    try { await download(message); } catch (error) { this.say(error.message, true); }
  }
}

function action(text, key, title, onClick) {
  const button = element("button", { type: "button", "data-key": key, "aria-label": `${text} ${title}` }, text);
  button.addEventListener("click", onClick);
  return button;
}

function row(title, how, share, does, isBad = false) {
  const item = element("li", {}, element("span", { class: "what" }, title), element("span", { class: "does" }, ...does),
    element("span", { class: isBad ? "how bad" : "how" }, how));
  if (share != null) item.append(element("progress", { max: 1, value: share, "aria-label": `Progress of ${title}` }));
  return item;
}

function remaining(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
