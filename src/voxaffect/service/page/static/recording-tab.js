// The tab of a recording: choose, drop or record one, send it, and show the answer.

import { Problem, requestJson, showProblem } from "/page/access.js";
import { encodeWav, measureLevel, openMicrophone } from "/page/microphone.js";
import { hasUnsaved, mayDiscard, showResult } from "/page/results.js";
import { byId, formatClock, formatPercent, getSentence } from "/page/words.js";

const SILENT_SECONDS = 2;
const SILENT_LEVEL = 0.1;
let about = null;
let canceler = null;
let example = null;
let current = null; // the recording that is shown, so that options can be changed
let used = {}; // the options of it

export function startRecording(description) {
  about = description;
  byId("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) recognize(file);
    event.target.value = ""; // so that the same file can be chosen again
  });
  byId("example").addEventListener("click", recognizeExample);
  byId("record").addEventListener("click", record);
  byId("progress-cancel").addEventListener("click", () => canceler?.abort());
  for (const id of ["channels", "model"]) {
    byId(id).addEventListener("change", () => current && recognize(current));
  }
  acceptDrops();
  window.addEventListener("beforeunload", (event) => hasUnsaved() && event.preventDefault());
}

function acceptDrops() {
  const box = byId("drop");
  const mark = (isOver) => box.classList.toggle("over", isOver);
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault(); // otherwise the browser would leave the page
      mark(!byId("recording").hidden);
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (byId("recording").hidden || byId("record").disabled) return;
    if (files.length === 1) recognize(files[0]);
    else showProblem(byId("problem"), new Problem(files.length ? "several_files" : "no_recording"));
  });
}

async function recognizeExample() {
  const answer = await fetch("/page/example.wav").catch(() => null);
  if (!answer?.ok) return showProblem(byId("problem"), new Problem("offline"));
  example = new File([await answer.blob()], "example.wav", { type: "audio/wav" });
  recognize(example);
}

function setBusy(isBusy) {
  byId("progress").hidden = !isBusy;
  for (const id of ["file", "record", "example", "channels", "model"]) byId(id).disabled = isBusy;
}

export async function recognize(file) {
  if (!mayDiscard()) return Object.entries(used).forEach(([id, value]) => (byId(id).value = value));
  byId("problem").hidden = true;
  byId("result").hidden = true;
  if (file.size > about.max_body_bytes) return showProblem(byId("problem"), new Problem("body_too_large"));
  current = file;
  canceler = new AbortController();
  setBusy(true);
  const clock = startClock();
  const options = { channels: byId("channels").value, model: byId("model").value };
  used = options;
  const body = new FormData();
  body.append("file", file, file.name);
  for (const [name, value] of Object.entries(options)) body.append(name, value);
  const onProgress = (share) => {
    const isSent = share === 1;
    const values = { name: file.name, percent: formatPercent(share) };
    byId("progress-text").textContent = getSentence(isSent ? "waiting" : "uploading", values);
    if (isSent) byId("progress-bar").removeAttribute("value");
    else byId("progress-bar").value = share;
  };
  onProgress(0);
  try {
    const result = await requestJson("POST", "/page/recording", { body, onProgress, signal: canceler.signal });
    showResult({ file, options, result, about, askEach, isExample: file === example });
  } catch (error) {
    if (error.name !== "AbortError") showProblem(byId("problem"), error);
  } finally {
    clearInterval(clock);
    setBusy(false);
  }
}

// Show how long it takes already: an hour of sound needs minutes.
function startClock() {
  const start = performance.now();
  const show = () => (byId("progress-time").textContent = formatClock(Math.floor((performance.now() - start) / 1000)));
  show();
  return setInterval(show, 1000);
}

function askEach() {
  byId("channels").value = "each";
  recognize(current);
}

async function record() {
  if (!mayDiscard()) return;
  byId("problem").hidden = true;
  byId("result").hidden = true;
  const blocks = [];
  let [rate, count, loudest] = [48_000, 0, 0];
  let microphone = null;
  const finish = (isKept) => {
    microphone?.stop();
    byId("recorder").hidden = true;
    byId("drop").hidden = false;
    byId("record").focus();
    if (isKept) recognize(new File([encodeWav(blocks, rate)], "recording.wav", { type: "audio/wav" }));
  };
  const onBlock = (block) => {
    blocks.push(block);
    count += block.length;
    const level = measureLevel(block);
    loudest = Math.max(loudest, level);
    byId("recorder-level").style.setProperty("--level", level);
    byId("recorder-time").textContent = formatClock(Math.floor(count / rate));
    byId("recorder-silence").hidden = loudest > SILENT_LEVEL || count < SILENT_SECONDS * rate;
    const isFull = count / rate > about.max_seconds - 1 || 2 * count > about.max_body_bytes - 10_000;
    if (isFull) finish(true);
  };
  byId("record").disabled = true;
  try {
    microphone = await openMicrophone(onBlock, "tab-recording");
    rate = microphone.rate;
  } catch (error) {
    return showProblem(byId("problem"), error);
  } finally {
    byId("record").disabled = false;
  }
  byId("drop").hidden = true;
  byId("recorder").hidden = false;
  byId("recorder-stop").onclick = () => finish(true);
  byId("recorder-cancel").onclick = () => finish(false);
  byId("recorder-stop").focus();
}
