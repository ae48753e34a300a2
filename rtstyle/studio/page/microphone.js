// The microphone of this browser, sent up while the studio records.

const RATE = 48000;
const WANTED = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Ask for the microphone; the caller says why if that fails. */
export function openMicrophone() {
  return navigator.mediaDevices.getUserMedia({ audio: WANTED });
}

export class PageMicrophone {
  constructor({ send, say }) { Object.assign(this, { send, say, stream: null, context: null }); }

  /** Begin to send; tells whether there is a microphone. */
  async start() {
    try {
      this.stream = await openMicrophone();
    } catch {
      this.say("no microphone, or it is not allowed: recording without it", true);
      return false;
    }
    this.context = new AudioContext({ sampleRate: RATE });
    await this.context.audioWorklet.addModule("/page/samples.js");
    const node = new AudioWorkletNode(this.context, "samples", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.send(packed(data));
    this.context.createMediaStreamSource(this.stream).connect(node);
    return true;
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.stream = this.context = null;
  }
}

/** A message: the head of a picture, of kind 3, then samples of 16 bits. */
function packed(samples) {
  const message = new ArrayBuffer(20 + 2 * samples.length);
  const head = new DataView(message);
  head.setUint8(0, 3);
  head.setUint8(1, 1);
  head.setUint16(2, 1, true);
  head.setUint16(4, RATE, true);
  head.setFloat64(12, performance.timeOrigin + performance.now() - (1000 * samples.length) / RATE, true);
  const levels = new Int16Array(message, 20);
  samples.forEach((value, place) => { levels[place] = Math.round(32767 * Math.min(1, Math.max(-1, value))); });
  return message;
}
