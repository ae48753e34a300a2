// The camera of this browser, sent up picture by picture, as many as are wanted.

const CREDIT = 2;

export class PageCamera {
  constructor({ link, say }) {
    Object.assign(this, { link, say });
    this.credit = CREDIT;
    this.stream = null;
  }

  async start(size) {
    if (this.stream) return;
    const [width, height] = size.split("x").map(Number);
    this.stream = "asking";
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 } });
    } catch (error) {
      this.stream = null;
      this.failed = true;
      const why = { NotAllowedError: "allow the camera for this page in the address bar", NotFoundError: "this browser has no camera" };
      this.say(`camera of this browser: ${why[error.name] ?? error.message}`, true);
      return;
    }
    this.video = document.createElement("video");
    Object.assign(this.video, { srcObject: this.stream, muted: true, playsInline: true });
    await this.video.play();
    this.canvas = new OffscreenCanvas(width, height);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.credit = CREDIT;
    this.video.requestVideoFrameCallback((now, meta) => this.onFrame(now, meta));
  }

  async onFrame(now, meta) {
    if (!this.stream || this.stream === "asking") return;
    this.video.requestVideoFrameCallback((...next) => this.onFrame(...next));
    if (this.credit <= 0) return;
    this.credit -= 1;
    const taken = performance.timeOrigin + (meta.captureTime ?? now);
    this.context.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const jpeg = await (await this.canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 })).arrayBuffer();
    const message = new ArrayBuffer(20 + jpeg.byteLength);
    const head = new DataView(message);
    head.setUint8(0, 2);
    head.setUint8(1, 1);
    head.setUint16(2, this.canvas.width, true);
    head.setUint16(4, this.canvas.height, true);
    head.setFloat64(12, taken, true);
    new Uint8Array(message, 20).set(new Uint8Array(jpeg));
    if (!this.link.send(message)) this.credit += 1;
  }

  onCredit() { this.credit = Math.min(CREDIT, this.credit + 1); }

  stop() {
    if (this.stream && this.stream !== "asking") for (const track of this.stream.getTracks()) track.stop();
    this.stream = null;
    this.failed = false;
  }
}
