// The live tab: the microphone to the WebSocket, and its events as they come. Nothing is kept.

import { describePromise, isReliable } from "/page/about.js";
import { getProtocols, Problem, showProblem } from "/page/access.js";
import { makeBars } from "/page/bars.js";
import { measureLevel, openMicrophone } from "/page/microphone.js";
import { byId, formatClock, formatConfidence, getSentence, makeElement } from "/page/words.js";

const STRIP_SECONDS = 60;
const WAITING_SECONDS = 8; // less than the server takes ahead of real time
const SILENT_SECONDS = 3;
const SILENT_LEVEL = 0.1;
const MOST_ROWS = 200;
const CODES = { 4503: "too_many_streams", 4410: "time_limit", 1012: "shutdown" };
let colors = new Map();
let emotions = [];
let abstention = {};
let session = null;

export function startLive(about) {
  const model = about.models.find((one) => one.id === about.stream_model);
  ({ emotions } = model);
  ({ abstention } = model);
  colors = new Map(emotions.map((emotion) => [emotion.name, emotion.color]));
  byId("live-model").textContent = describeModel(model);
  byId("live-start").addEventListener("click", start);
  byId("live-stop").addEventListener("click", () => session?.finish());
  window.addEventListener("pagehide", () => session?.microphone?.stop());
}

function describeModel({ id, abstention: promise }) {
  const name = promise.threshold ? (isReliable(promise) ? "live-model" : "live-model-poor") : "live-model-unmeasured";
  return getSentence(name, { ...describePromise(promise), model: id });
}

const setState = (name) => (byId("live-state").textContent = getSentence(`live-${name}`));

async function start() {
  byId("live-problem").hidden = true;
  byId("live-start").hidden = true;
  byId("live-stop").hidden = false;
  byId("live-stop").focus();
  setState("opening");
  const own = new Session();
  session = own;
  await own.open().catch((error) => own.end(error));
}

class Session {
  microphone = null;
  levels = []; // [seconds, level] of the last minute
  spans = []; // {start, end, emotion} of windows and segments of the last minute
  seconds = 0;
  dropped = 0; // seconds before the first sound that the server got
  isOver = false;
  frame = 0;

  async open() {
    const waiting = []; // sound before the server is ready
    this.microphone = await openMicrophone((block) => {
      this.note(block);
      if (this.socket?.readyState === WebSocket.OPEN && this.isCreated) this.socket.send(block);
      else waiting.push(block);
    }, "tab-live");
    if (this.isOver) return this.microphone.stop(); // stopped before it began
    const { protocol, host } = location;
    this.socket = new WebSocket(`${protocol === "https:" ? "wss" : "ws"}://${host}/v1/emotion/stream`, getProtocols());
    await new Promise((resolve, reject) => {
      this.socket.onopen = () => {
        this.isOpen = true;
        const settings = { sample_rate: this.microphone.rate, encoding: "f32le" };
        this.socket.send(JSON.stringify({ type: "session.update", ...settings }));
      };
      this.socket.onmessage = (message) => {
        const event = JSON.parse(message.data);
        if (event.type === "session.created") {
          this.isCreated = true;
          this.sendWaiting(waiting);
          resolve();
        }
        this.take(event);
      };
      this.socket.onclose = (event) => {
        const problem = event.code === 1000 ? null : this.problem ?? new Problem(CODES[event.code] ?? (this.isOpen ? "stream_lost" : "offline"));
        reject(problem ?? new Problem("stream_lost"));
        this.end(problem);
      };
    });
    this.show();
  }

  // Sound that came before the server was ready, unless there is too much.
  sendWaiting(blocks) {
    const toSeconds = (list) => list.reduce((sum, block) => sum + block.length, 0) / this.microphone.rate;
    while (toSeconds(blocks) > WAITING_SECONDS) this.dropped += toSeconds([blocks.shift()]);
    blocks.splice(0).forEach((block) => this.socket.send(block));
  }

  show() {
    setState("on");
    byId("live-result").hidden = byId("live-meter").hidden = false;
    byId("live-segments").replaceChildren();
    byId("live-table").hidden = true;
    byId("live-none").hidden = false;
    showEmotion(null);
    const draw = () => {
      this.draw();
      this.frame = this.isOver ? 0 : requestAnimationFrame(draw);
    };
    draw();
  }

  note(block) {
    this.seconds += block.length / (this.microphone?.rate ?? 48_000);
    const level = measureLevel(block);
    this.levels.push([this.seconds, level]);
    while (this.levels[0][0] < this.seconds - STRIP_SECONDS) this.levels.shift();
    byId("live-level").style.setProperty("--level", level);
    const isSilent = this.levels.every(([, one]) => one < SILENT_LEVEL);
    if (isSilent && this.seconds > SILENT_SECONDS) setState("silent");
    else if (!this.isEnding && this.isCreated && byId("live-state").textContent === getSentence("live-silent")) setState("on");
  }

  take(event) {
    if (event.type === "emotion.window") this.extend(this.place(event));
    if (event.type === "emotion.update") showEmotion(event);
    if (event.type === "emotion.segment") this.add(event);
    if (event.type === "error") this.problem = new Problem(CODES[event.error.code] ?? event.error.code, event.error.message);
    this.spans = this.spans.filter((span) => span.end > this.seconds - STRIP_SECONDS);
  }

  // Windows overlap: what a window adds to those before it gets its emotion.
  extend(span) {
    const last = this.spans.at(-1);
    if (last && last.emotion === span.emotion && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else this.spans.push({ ...span, start: Math.max(span.start, last?.end ?? 0) });
  }

  place({ start, end, emotion }) {
    return { start: start + this.dropped, end: end + this.dropped, emotion };
  }

  add(segment) {
    const { start, end } = this.place(segment);
    const rest = this.spans.flatMap((span) => [
      { ...span, end: Math.min(span.end, start) },
      { ...span, start: Math.max(span.start, end) },
    ]);
    this.spans = [...rest.filter((span) => span.start < span.end), this.place(segment)];
    this.spans.sort((one, other) => one.start - other.start);
    const row = makeElement("tr");
    const times = [segment.start, segment.end].map((time) => makeElement("td", "", formatClock(time, 1)));
    const emotion = makeElement("td");
    const swatch = makeElement("span", "key");
    swatch.style.setProperty("--color", colors.get(segment.emotion));
    emotion.append(swatch, segment.emotion);
    const doubt = segment.uncertain ? `, ${getSentence("uncertain")}` : "";
    row.append(...times, emotion, makeElement("td", "number", formatConfidence(segment.confidence, segment.uncertain) + doubt));
    byId("live-segments").prepend(row);
    if (byId("live-segments").rows.length > MOST_ROWS) byId("live-segments").lastElementChild.remove();
    byId("live-none").hidden = true;
    byId("live-table").hidden = false;
  }

  draw() {
    const canvas = byId("live-strip");
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const place = (seconds) => width * (1 - (this.seconds - seconds) / STRIP_SECONDS);
    const middle = (height - 34) / 2;
    pen.fillStyle = style.getPropertyValue("--line");
    pen.fillRect(0, middle - 0.5, width, 1);
    pen.fillStyle = style.getPropertyValue("--muted");
    for (const [seconds, level] of this.levels) {
      const tall = Math.max(1, level * middle);
      pen.fillRect(place(seconds), middle - tall, 1.5, 2 * tall);
    }
    pen.font = "600 12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (const { start, end, emotion } of this.spans) {
      const [left, right] = [Math.max(0, place(start)), place(end)];
      pen.fillStyle = colors.get(emotion);
      pen.fillRect(left, height - 28, right - left, 10);
      pen.fillStyle = style.color;
      const text = [emotion, emotion.slice(0, 2)].find((word) => pen.measureText(word).width < right - left - 2);
      if (text) pen.fillText(text, left + 1, height - 9); // color alone would exclude people
    }
  }

  finish() {
    if (!this.isCreated) return this.end(null);
    this.isEnding = true;
    this.microphone.stop();
    byId("live-stop").disabled = true;
    setState("ending");
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type": "CloseStream"}');
  }

  end(problem) {
    if (this.isOver) return;
    this.isOver = true;
    this.microphone?.stop();
    this.socket?.close();
    showEmotion(null);
    setState("off");
    byId("live-meter").hidden = byId("live-stop").hidden = true;
    byId("live-stop").disabled = false;
    byId("live-start").hidden = false;
    byId("live-start").focus();
    if (problem) showProblem(byId("live-problem"), problem);
  }
}

function showEmotion(update) {
  const [emotion, trust] = [byId("live-emotion"), byId("live-trust")];
  const isSpoken = update && update.emotion !== null;
  const text = isSpoken ? update.emotion : getSentence("live-nobody");
  if (emotion.textContent !== text) emotion.textContent = text; // so that it is read out once
  const certain = !abstention.threshold ? "live-unmeasured" : isReliable(abstention) ? "live-certain" : "live-certain-poor";
  const name = update?.uncertain ? "live-uncertain" : certain;
  const confidence = isSpoken ? formatConfidence(update.probabilities[update.emotion], update.uncertain) : "";
  trust.textContent = isSpoken ? getSentence(name, { ...describePromise(abstention), confidence }) : "";
  byId("live-now").dataset.kind = !isSpoken ? "none" : update.uncertain ? "uncertain" : "certain";
  byId("live-bars").replaceChildren(...makeBars(emotions, isSpoken ? update : null, abstention.threshold));
}
