// The keys of the window, on the page: where nothing else wants them.

const TAKEN = "input:not([type=range], [type=checkbox]), select, textarea";

export function answerKeys({ state, send, set: setControl, tools }) {
  const mine = new Map(); // what was set just now, before the studio tells it
  const now = (name) => {
    const { value, until } = mine.get(name) ?? { until: 0 };
    return performance.now() < until ? value : state().controls[name];
  };
  const set = (name, value) => {
    mine.set(name, { value, until: performance.now() + 1500 });
    setControl(name, value);
  };
  const turn = (name, step) => set(name, Math.min(1, Math.max(0, Math.round((now(name) + step) * 100) / 100)));
  const next = (name, choices) => set(name, choices[(choices.indexOf(now(name)) + 1) % choices.length]);
  const keys = {
    n: () => send({ do: "next_style" }),
    p: () => send({ do: "previous_style" }),
    "+": () => turn("strength", 0.1),
    "=": () => turn("strength", 0.1),
    "-": () => turn("strength", -0.1),
    c: () => set("keep_colors", !now("keep_colors")),
    k: () => next("mask", ["off", "person", "background"]),
    t: () => next("smooth", ["off", "gate", "flow"]),
    m: () => next("mirror", ["preview", "all", "off"]),
    b: tools.before,
    s: tools.snapshot,
    r: tools.record,
    " ": tools.pause,
  };
  addEventListener("keydown", (event) => {
    if (!state() || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const isButton = event.key === " " && event.target.closest("button, summary, input, a, [role=slider]");
    if (event.target.closest(TAKEN) || isButton || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
