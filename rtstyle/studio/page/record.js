// Recording in the browser: a file that it saves itself.

import { openMicrophone } from "./microphone.js";

const KINDS = ["video/mp4;codecs=avc1,mp4a.40.2", "video/mp4", "video/webm;codecs=vp9,opus", "video/webm"];

export class PageRecorder {
  constructor(canvas, say) { Object.assign(this, { canvas, say, recorder: null }); }

  get isOn() { return this.recorder !== null; }

  async start({ withSound }) {
    const tracks = this.canvas.captureStream(30).getVideoTracks();
    let sound = null;
    try {
      if (withSound) sound = await openMicrophone();
      tracks.push(...(sound?.getAudioTracks() ?? []));
    } catch { this.say("no microphone, or it is not allowed: recording without sound", true); }
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const pieces = [];
    this.recorder = new MediaRecorder(new MediaStream(tracks), { mimeType, videoBitsPerSecond: 8e6 });
    this.recorder.ondataavailable = ({ data }) => pieces.push(data);
    this.recorder.onstop = () => {
      sound?.getTracks().forEach((track) => track.stop());
      tracks.forEach((track) => track.stop());
      save(new Blob(pieces, { type: mimeType }), `rtstyle-${stamp()}.${mimeType.includes("mp4") ? "mp4" : "webm"}`);
    };
    this.recorder.start(1000);
  }

  stop() {
    this.recorder?.stop();
    this.recorder = null;
  }
}

/** Let the browser save something under a name. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function stamp() { return new Date().toISOString().replace(/[-:]/g, "").slice(0, 15); }
