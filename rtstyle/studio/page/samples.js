// In the browser's sound thread: collects samples and hands them on, 43 ms at a time.

const LENGTH = 2048;

registerProcessor("samples", class extends AudioWorkletProcessor {
  constructor() { super(); this.held = new Float32Array(LENGTH); this.count = 0; }

  process([channels]) {
    if (!channels.length) return true;
    const block = channels[0];
    for (let place = 0; place < block.length; place += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[place];
      this.held[this.count] = sum / channels.length;
      this.count += 1;
      if (this.count === LENGTH) { this.port.postMessage(this.held.slice()); this.count = 0; }
    }
    return true;
  }
});
