// The microphone as blocks of samples, and a WAV file of them.
// WAV, because the server reads it everywhere; the browser's own recorder gives WebM.

import { Problem } from "/page/access.js";
import { byId } from "/page/words.js";

const RAW = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const CODES = { NotAllowedError: "microphone_refused", SecurityError: "microphone_refused", NotFoundError: "no_microphone" };

// Begin to listen, with a sign at the tab; returns the sampling rate and a function that stops.
export async function openMicrophone(onBlock, tab) {
  if (!navigator.mediaDevices) throw new Problem("insecure");
  let media;
  try {
    media = await navigator.mediaDevices.getUserMedia({ audio: RAW }); // filters would change the voice
  } catch (error) {
    throw new Problem(CODES[error.name] ?? "microphone_busy");
  }
  const context = new AudioContext();
  const sign = byId(tab).querySelector(".listening");
  const stop = () => {
    sign.hidden = true;
    media.getTracks().forEach((track) => track.stop());
    if (context.state !== "closed") context.close();
  };
  try {
    await context.audioWorklet.addModule("/page/tap.js").catch(() => {
      throw new Problem("offline");
    });
    await context.resume();
  } catch (error) {
    stop();
    throw error;
  }
  const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  tap.port.onmessage = (message) => onBlock(message.data);
  context.createMediaStreamSource(media).connect(tap);
  sign.hidden = false;
  return { rate: context.sampleRate, stop };
}

// Level of a block from 0 (silence, −60 dB) to 1 (full scale).
export function measureLevel(block) {
  let peak = 0;
  for (const sample of block) peak = Math.max(peak, Math.abs(sample));
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(peak + 1e-9)) / 60));
}

export function encodeWav(blocks, rate) {
  const count = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const writeText = (offset, text) => [...text].forEach((mark, index) => view.setUint8(offset + index, mark.charCodeAt(0)));
  writeText(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  writeText(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // integers
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  writeText(36, "data");
  view.setUint32(40, 2 * count, true);
  let offset = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(offset, Math.round(Math.min(1, Math.max(-1, sample)) * 32767), true);
      offset += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}
