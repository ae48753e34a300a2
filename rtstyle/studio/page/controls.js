// Controls made from the studio's table: the same names and ranges as everywhere.

const LABELS = {
  off: "off", gate: "steady", flow: "motion", preview: "for me", all: "for all",
  person: "person", background: "background",
};
const HIDDEN = new Set(["split", "paused"]);

/** Builds all controls into `place`; `send(name, value)` is called when one is turned. */
export class Controls {
  constructor(place, table, send) {
    this.rows = new Map();
    for (const control of table.filter((row) => !HIDDEN.has(row.name))) {
      const make = { switch: switchRow, choice: choiceRow }[control.kind] ?? rangeRow;
      const row = make(control, (value) => { row.held = performance.now(); send(control.name, value); });
      row.held = 0;
      row.element.title = control.help;
      row.element.dataset.control = control.name;
      this.rows.set(control.name, { ...row, control, get held() { return row.held; } });
      place.append(row.element);
    }
  }

  /** Show the state; what is in the user's hand is left alone. */
  show(values, { hasStrength, hasMask }) {
    for (const [name, row] of this.rows) {
      if (performance.now() - row.held > 700) row.show(values[name]);
      if (row.control.is_for_paintings) row.element.hidden = !hasStrength;
      if (name === "mask") row.element.hidden = !hasMask;
    }
  }
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function rangeRow(control, send) {
  const isLines = control.kind === "lines";
  const input = element("input", {
    type: "range", id: `c-${control.name}`,
    min: isLines ? 90 : control.least, max: isLines ? 1110 : control.most,
    step: isLines ? 30 : control.name === "style_scale" ? 0.05 : 0.01,
  });
  const output = element("output", { for: input.id });
  const text = () => {
    const value = Number(input.value);
    if (isLines) output.value = value > 1080 ? "all lines" : `${value} lines`;
    else output.value = control.name !== "style_scale" ? `${Math.round(value * 100)} %` : `${value.toFixed(2)} ×`;
    input.setAttribute("aria-valuetext", output.value);
  };
  input.addEventListener("input", () => {
    text();
    const value = Number(input.value);
    send(isLines && value > 1080 ? null : value);
  });
  input.addEventListener("dblclick", () => { input.value = control.default ?? input.max; input.dispatchEvent(new Event("input")); });
  const line = element("div", { class: "line" }, element("label", { for: input.id }, control.title), output);
  return {
    element: element("div", { class: "control" }, line, input),
    show(value) { input.value = value ?? input.max; text(); },
  };
}

function switchRow(control, send) {
  const input = element("input", { type: "checkbox", id: `c-${control.name}` });
  input.addEventListener("change", () => send(input.checked));
  const label = element("label", { class: "check" }, input, control.title);
  return {
    element: element("div", { class: "control" }, label),
    show(value) { input.checked = value; },
  };
}

function choiceRow(control, send) {
  const group = element("div", { class: "segments", role: "group", "aria-label": control.title });
  const buttons = control.choices.map((choice) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, LABELS[choice] ?? choice);
    button.addEventListener("click", () => { mark(choice); send(choice); });
    return button;
  });
  const mark = (value) => buttons.forEach((button, place) =>
    button.setAttribute("aria-pressed", String(control.choices[place] === value)));
  group.append(...buttons);
  const line = element("div", { class: "line" }, element("span", {}, control.title));
  return { element: element("div", { class: "control" }, line, group), show: mark };
}

export { element };
