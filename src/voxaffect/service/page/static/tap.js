// Audio worklet: hands on the sound of a microphone, in blocks.

registerProcessor("tap", class extends AudioWorkletProcessor {
  block = new Float32Array(2048);
  filled = 0;

  process([channels]) {
    const samples = channels[0];
    if (!samples) return true;
    this.block.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled === this.block.length) {
      this.port.postMessage(this.block);
      this.block = new Float32Array(2048);
      this.filled = 0;
    }
    return true;
  }
});
