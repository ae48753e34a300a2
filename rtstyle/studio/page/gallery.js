// The styles: a card with a picture each, mixtures, and paintings that are dropped.

import { ask, upload } from "./link.js";
import { element } from "./controls.js";

export class Gallery {
  constructor({ cards, mixture, send, say }) {
    Object.assign(this, { cards, mixture, send, say });
    this.known = new Map();
    this.version = -1;
    this.parts = [];
    this.held = 0;
  }

  show(state) {
    this.titles = new Map(state.styles.map((style) => [style.id, style.title]));
    if (performance.now() - this.held > 900) {
      this.parts = state.style.parts.map(({ id, weight }) => ({ id, weight }));
      this.showMixture();
    }
    const ids = new Set(state.styles.map((style) => style.id));
    for (const [id, card] of this.known) if (!ids.has(id)) { card.item.remove(); this.known.delete(id); }
    const order = [];
    for (const style of state.styles) {
      if (!this.known.has(style.id)) this.known.set(style.id, this.card(style));
      order.push(this.known.get(style.id).item);
      this.mark(this.known.get(style.id));
      if (style.has_thumbnail) this.picture(style.id, state.thumbnails);
    }
    const add = this.cards.querySelector(".add");
    const now = [...this.cards.children].filter((item) => item !== add);
    if (now.length !== order.length || now.some((item, place) => item !== order[place])) this.cards.replaceChildren(add, ...order);
  }

  card(style) {
    const name = element("span", { class: "name" }, style.title);
    const by = element("span", { class: "by" }, style.is_painting ? "your painting" : style.by || (style.has_strength ? "drawing" : "style"));
    const blank = element("span", { class: "blank" });
    const choose = element("button", { type: "button" }, blank, name, by);
    choose.addEventListener("click", () => this.use([{ id: style.id, weight: 1 }]));
    const mix = element("button", { type: "button", class: "mini mix", "aria-label": `Mix in ${style.title}`, title: "Mix in" }, "+");
    mix.addEventListener("click", () => this.toggle(style.id));
    const item = element("li", { class: "card" }, choose, mix);
    if (style.is_painting) {
      const forget = element("button", { type: "button", class: "mini drop-style", "aria-label": `Remove ${style.title}`, title: "Remove" }, "×");
      forget.addEventListener("click", () => this.send({ do: "forget_style", name: style.id }));
      item.append(forget);
    }
    return { id: style.id, item, choose, mix, blank, shown: "" };
  }

  mark({ id, choose, mix }) {
    const isPart = this.parts.some((part) => part.id === id);
    choose.setAttribute("aria-pressed", String(isPart));
    mix.setAttribute("aria-pressed", String(isPart && this.parts.length > 1));
    mix.textContent = isPart && this.parts.length > 1 ? "✓" : "+";
    mix.hidden = isPart && this.parts.length === 1;
  }

  async picture(id, { version, of_camera: ofCamera }) {
    const card = this.known.get(id);
    const wanted = ofCamera ? `camera ${version}` : "scene";
    if (card.shown === wanted || (card.shown && ofCamera && card.stamp === this.cameraStamp)) return;
    card.shown = wanted;
    card.stamp = this.cameraStamp;
    const answer = await ask(`/thumb/${encodeURIComponent(id)}`);
    if (!answer.ok) { card.shown = answer.status === 404 ? wanted : ""; return; }
    const image = element("img", { alt: "" });
    const address = URL.createObjectURL(await answer.blob());
    image.onload = () => URL.revokeObjectURL(address);
    image.src = address;
    card.choose.querySelector("img, .blank").replaceWith(image);
  }

  ofCamera(isOn) {
    this.cameraStamp = isOn ? performance.now() : 0;
    for (const card of this.known.values()) { card.shown = ""; card.stamp = -1; }
    this.send({ do: "thumbnails", of: isOn ? "camera" : "scene" });
  }

  use(parts) {
    this.held = performance.now();
    this.parts = parts;
    this.send({ do: "style", parts });
    for (const card of this.known.values()) this.mark(card);
    this.showMixture();
  }

  toggle(id) {
    const rest = this.parts.filter((part) => part.id !== id);
    if (rest.length < this.parts.length && rest.length) this.use(rest);
    else if (rest.length < 8) this.use([...this.parts, { id, weight: Math.max(...this.parts.map((p) => p.weight)) }]);
  }

  /** Sliders for the weights, when several styles are mixed. */
  showMixture() {
    const key = this.parts.map((part) => part.id).join(" ");
    if (key !== this.mixtureKey) {
      this.mixtureKey = key;
      this.mixture.replaceChildren(...(this.parts.length > 1 ? this.parts.map((part) => this.weight(part.id)) : []));
    }
    const total = this.parts.reduce((sum, part) => sum + part.weight, 0);
    for (const row of this.mixture.children) {
      const part = this.parts.find(({ id }) => id === row.dataset.id);
      row.querySelector("output").value = `${Math.round(100 * part.weight / total)} %`;
      if (document.activeElement !== row.querySelector("input")) row.querySelector("input").value = part.weight / total;
    }
  }

  weight(id) {
    const input = element("input", { type: "range", min: 0.02, max: 1, step: 0.01, id: `w-${id}` });
    input.addEventListener("input", () => {
      const total = this.parts.reduce((sum, part) => sum + part.weight, 0);
      this.use(this.parts.map((part) => ({ id: part.id, weight: part.id === id ? Number(input.value) : part.weight / total })));
    });
    const label = element("label", { for: input.id }, this.titles.get(id) ?? id);
    const row = element("div", { class: "control" }, element("div", { class: "line" }, label, element("output")), input);
    row.dataset.id = id;
    return row;
  }

  /** Send paintings and style files; the last one is shown, several are mixed. */
  async add(files) {
    const parts = [];
    for (const file of files) {
      this.say(`${file.name || "picture"}: looking at it…`);
      try {
        const kind = file.name?.endsWith(".onnx") ? "style" : "painting";
        parts.push({ id: (await upload(kind, file)).id, weight: 1 });
      } catch (error) { this.say(error.message, true); return; }
    }
    if (!parts.length) return;
    this.say(parts.length > 1 ? `${parts.length} paintings, mixed` : "");
    this.use([...new Map(parts.map((part) => [part.id, part])).values()].slice(0, 8));
  }
}
