// The keys of the window, on the page: where nothing else wants them.

const TAKEN = "input:not([type=range], [type=checkbox]), select, textarea";

export function answerKeys({ state, send, set, tools }) {
  const turn = (name, step) => {
    const now = state().controls[name];
    set(name, Math.min(1, Math.max(0, Math.round((now + step) * 100) / 100)));
  };
  const next = (name, choices) => set(name, choices[(choices.indexOf(state().controls[name]) + 1) % choices.length]);
  const keys = {
    n: () => send({ do: "next_style" }),
    p: () => send({ do: "previous_style" }),
    "+": () => turn("strength", 0.1),
    "=": () => turn("strength", 0.1),
    "-": () => turn("strength", -0.1),
    c: () => set("keep_colors", !state().controls.keep_colors),
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
