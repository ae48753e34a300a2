// Looks that are kept, shared and opened: one small JSON file each.

import { element } from "./controls.js";
import { save } from "./record.js";

export class Presets {
  constructor({ list, send, say }) { Object.assign(this, { list, send, say, text: "" }); }

  show(rows) {
    const text = JSON.stringify(rows);
    if (text === this.text) return;
    this.text = text;
    this.list.replaceChildren(...rows.map(({ id, title }) => {
      const use = element("button", { type: "button" }, title);
      use.addEventListener("click", () => this.send({ do: "load_preset", id }));
      const forget = element("button", { type: "button", "aria-label": `Remove the preset ${title}` }, "×");
      forget.addEventListener("click", () => this.send({ do: "forget_preset", id }));
      return element("li", {}, use, forget);
    }));
  }

  listen({ form, title, share, open, file, act }) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.send({ do: "save_preset", title: title.value })) title.value = "";
    });
    share.addEventListener("click", async () => {
      const look = await act({ do: "look" });
      save(new Blob([JSON.stringify(look, null, 1)], { type: "application/json" }), `${look.styles[0]?.name ?? "look"}.look.json`);
    });
    open.addEventListener("click", () => file.click());
    file.addEventListener("change", () => this.open(file.files[0]));
  }

  async open(file) {
    try {
      this.send({ do: "look", look: JSON.parse(await file.text()) });
    } catch { this.say(`${file.name}: expected a look, got another file`, true); }
  }
}
