// MIDI faders and pads: operate a control on the page, then the one on the device.

const KEY = "rtstyle.midi";

export class Midi {
  constructor({ send, tell }) {
    Object.assign(this, { send, tell });
    this.map = JSON.parse(localStorage.getItem(KEY) || "{}");
    this.learning = null;
    if (Object.keys(this.map).length) this.start();
  }

  async start() {
    if (!navigator.requestMIDIAccess) { this.tell("this browser has no MIDI"); return false; }
    try {
      this.access = await navigator.requestMIDIAccess();
    } catch { this.tell("MIDI is not allowed for this page"); return false; }
    const listen = () => { for (const input of this.access.inputs.values()) input.onmidimessage = ({ data }) => this.onMessage(data); };
    this.access.onstatechange = listen;
    listen();
    return true;
  }

  /** Wait for a control of the page, then for one of the device. */
  async learn() {
    if (!this.access && !(await this.start())) return;
    this.tell(this.access.inputs.size ? "operate a control on this page…" : "no MIDI device is plugged in");
    this.waiting?.abort();
    this.waiting = new AbortController();
    const choose = (event) => {
      const row = event.target.closest("[data-control]");
      if (!row || event.key === "Tab" || event.key === "Shift") return;
      this.waiting.abort();
      this.learning = row.dataset.control;
      this.tell(`now move a fader or press a pad for “${titleOf(this.learning)}”`);
    };
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, choose, { capture: true, signal: this.waiting.signal });
  }

  onMessage([status, key, value]) {
    const kind = status & 0xf0;
    if (kind !== 0xb0 && kind !== 0x90) return;
    const address = `${status & 0xf0} ${status & 0x0f} ${key}`;
    if (this.learning) {
      this.map[address] = this.learning;
      localStorage.setItem(KEY, JSON.stringify(this.map));
      this.tell(`“${titleOf(this.learning)}” is learnt`);
      this.learning = null;
    }
    const name = this.map[address];
    if (name) this.send({ do: "fader", name, share: value / 127 });
  }
}

/** What people call a control of the page. */
function titleOf(name) {
  return document.querySelector(`[data-control="${name}"] :is(label, span)`)?.textContent.trim() ?? name;
}
