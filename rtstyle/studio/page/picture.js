// Pictures of the studio on a canvas, and how old they are.

/** Draws each picture and acknowledges it when it is on the canvas. */
export class PictureView {
  constructor(canvas, { onDrawn = () => {} } = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.onDrawn = onDrawn;
    this.ages = [];
    this.count = 0;
  }

  async show(message, acknowledge) {
    try {
      const head = new DataView(message, 0, 20);
      const captured = head.getFloat64(12, true);
      const image = await createImageBitmap(new Blob([new Uint8Array(message, 20)], { type: "image/jpeg" }));
      if (this.canvas.width !== image.width || this.canvas.height !== image.height) {
        this.canvas.width = image.width;
        this.canvas.height = image.height;
      }
      this.context.drawImage(image, 0, 0);
      image.close();
      this.count += 1;
      if (captured) this.note(performance.timeOrigin + performance.now() - captured);
      this.onDrawn(head.getUint16(6, true) & 1);
    } finally {
      acknowledge();
    }
  }

  note(age) {
    this.ages.push(age);
    if (this.ages.length > 60) this.ages.shift();
  }

  get age() {
    if (!this.ages.length) return null;
    return [...this.ages].sort((a, b) => a - b)[this.ages.length >> 1];
  }
}

/** The line between before and after: dragged, or moved with the arrow keys. */
export function dragSplit(line, frame, onMove) {
  const place = (event) => {
    const box = frame.querySelector("canvas").getBoundingClientRect();
    onMove(Math.min(0.98, Math.max(0.02, (event.clientX - box.left) / box.width)));
  };
  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId);
    place(event);
  });
  line.addEventListener("pointermove", (event) => {
    if (line.hasPointerCapture(event.pointerId)) place(event);
  });
  line.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const now = Number(line.getAttribute("aria-valuenow")) / 100;
    onMove(Math.min(0.98, Math.max(0.02, now + step)));
  });
}
