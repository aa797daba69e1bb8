// The answer to a recording: how it sounds, whether to trust it, its timeline, and downloads.

import { describePromise } from "/page/about.js";
import { Problem, request, showProblem } from "/page/access.js";
import { makeBars } from "/page/bars.js";
import { byId, formatPercent, getAdvice, getSentence, getVerdict, makeElement } from "/page/words.js";

const GOOD_RIGHT = 70; // of 100 answers that count as certain
let shown = null;
let urls = [];

export function showResult(given) {
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
  shown = given;
  const { file, result } = given;
  byId("source").textContent = file.name;
  byId("is-example").hidden = !given.isExample;
  showSound(file);
  byId("answers").replaceChildren(...result.predictions.results.map(makeAnswer));
  showAdvice(result.diagnosis);
  showTimeline();
  showDownloads();
  byId("result").hidden = false;
  byId("result").focus({ preventScroll: true });
  byId("result").scrollIntoView({ block: "start" });
}

function makeUrl(blob) {
  urls.push(URL.createObjectURL(blob));
  return urls.at(-1);
}

function showSound(file) {
  const link = byId("save-sound");
  link.hidden = file.name !== "recording.wav"; // other files are on the disk already
  if (!link.hidden) Object.assign(link, { href: makeUrl(file), download: file.name });
}

const getModel = () => shown.about.models.find((model) => model.id === shown.options.model);

const nameChannel = (channel) => getSentence(`channel-${channel}`) || getSentence("channel", { channel });

function makeAnswer(prediction) {
  const model = getModel();
  const { threshold } = model.abstention;
  const article = byId("answer").content.cloneNode(true).firstElementChild;
  const set = (selector, text) => (article.querySelector(selector).textContent = text);
  const lane = article.querySelector(".lane");
  lane.textContent = prediction.channel === "mix" ? "" : nameChannel(prediction.channel);
  lane.hidden = !lane.textContent;
  const kind = prediction.emotion === null ? "none" : prediction.uncertain ? "uncertain" : "certain";
  article.dataset.kind = kind;
  const isHopeless = kind === "uncertain" && listSegments().every((segment) => segment.uncertain);
  set(".eyebrow", getSentence(`eyebrow-${isHopeless ? "hopeless" : kind}`));
  set(".headline", prediction.emotion ?? getSentence("headline-none"));
  set(".reason", explain(prediction, kind, model.abstention));
  const again = article.querySelector(".again");
  again.hidden = !prediction.channels_differ;
  again.firstElementChild.addEventListener("click", shown.askEach);
  if (kind === "none") {
    article.querySelector(".bars").remove();
    return article;
  }
  const bars = article.querySelector(".bars ul");
  bars.replaceChildren(...makeBars(model.emotions, prediction, threshold));
  set(".threshold", threshold ? getSentence("threshold", { threshold: formatPercent(threshold) }) : "");
  return article;
}

function explain(prediction, kind, abstention) {
  if (kind === "none") return getSentence("reason-none");
  const promise = describePromise(abstention);
  if (kind === "certain") {
    if (!abstention.threshold) return getSentence("reason-certain-unmeasured");
    const isGood = promise.right >= GOOD_RIGHT;
    const text = getSentence(isGood ? "reason-certain" : "reason-certain-poor", promise);
    return text + (getState(shown.result.diagnosis) === "low" ? getSentence("reason-but-poor") : "");
  }
  if (prediction.channels_differ) return getSentence("reason-differ");
  if (prediction.windows !== null) return getSentence("reason-long", { count: prediction.windows });
  const ranked = Object.entries(prediction.probabilities).sort((one, other) => other[1] - one[1]);
  const isClose = formatPercent(prediction.confidence) === promise.threshold; // one number would seem to be the other
  const [confidence, threshold] = [prediction.confidence, abstention.threshold ?? 0]
    .map((share) => formatPercent(share, isClose ? 1 : 0));
  return getSentence("reason-uncertain", { ...promise, confidence, threshold, second: ranked[1][0] });
}

// Flaws of the recording itself; what the answer is like is shown above.
const listFlaws = (diagnosis) => (diagnosis?.findings ?? []).filter((one) => one.verdict !== "ok" && one.topic !== "answer");

function getState(diagnosis) {
  if (!diagnosis) return "unknown";
  const flaws = listFlaws(diagnosis);
  const trusts = flaws.map((one) => one.trust);
  if (trusts.includes("low")) return "low";
  if (trusts.includes("limited")) return "limited";
  return flaws.length ? "minor" : "high";
}

function showAdvice(diagnosis) {
  const flaws = listFlaws(diagnosis);
  const state = getState(diagnosis);
  byId("advice").dataset.trust = state;
  byId("advice-trust").textContent = getSentence(`trust-${state}`);
  byId("advice-flaws").replaceChildren(...flaws.map(makeFlaw));
  byId("advice-measured").hidden = !diagnosis;
  byId("advice-rows").replaceChildren(...(diagnosis?.findings ?? []).map(makeFinding));
}

function makeFlaw(finding) {
  const { text, remedy } = getAdvice(finding);
  const item = makeElement("li", finding.verdict);
  item.append(makeElement("strong", "", text), " ", remedy);
  return item;
}

function makeFinding(finding) {
  const row = makeElement("tr");
  const topic = makeElement("th", "", finding.topic);
  topic.scope = "row";
  row.append(topic, makeElement("td", "", getVerdict(finding.verdict)), makeElement("td", "", finding.text));
  return row;
}

const listSegments = () => shown.result.timelines.results.flatMap((timeline) => timeline.segments);

function showTimeline() {
  const segments = listSegments();
  const certain = segments.filter((segment) => !segment.uncertain).length;
  const share = certain === segments.length ? (certain === 1 ? "all-one" : "all") : "some";
  const state = segments.length ? (certain ? share : "uncertain") : "none";
  const words = { certain, count: segments.length };
  byId("over-time-certain").textContent = getSentence(`segments-${state}`, words);
  const element = document.createElement("voxaffect-recording");
  element.data = shown.result.view;
  element.audio = makeUrl(shown.file);
  element.editable = true;
  element.addEventListener("correct", (event) => correct(event.detail));
  byId("component").replaceChildren(element);
  showCorrections();
}

// Note the emotion that a person chose, next to the one of the model.
function correct({ lane, segment, emotion }) {
  const part = shown.result.timelines.results[lane].segments[segment];
  const own = part.model_emotion ?? part.emotion;
  part.emotion = emotion;
  if (emotion === own) delete part.model_emotion;
  else part.model_emotion = own;
  showCorrections();
}

const countCorrections = () => listSegments().filter((segment) => segment.model_emotion !== undefined).length;

function showCorrections() {
  const count = countCorrections();
  const name = count === 1 ? "corrected-one" : "corrected-many";
  byId("corrections").textContent = count ? getSentence(name, { count }) : "";
  const hasLanes = shown.result.timelines.results.length > 1;
  byId("training-channels").hidden = !hasLanes;
  const isEmpty = !count && !byId("with-unchanged").checked;
  byId("training-empty").hidden = hasLanes || !isEmpty;
  byId("training-button").disabled = hasLanes || isEmpty;
}

function showDownloads() {
  const { about, result } = shown;
  const hasLanes = result.timelines.results.length > 1;
  for (const group of byId("format").children) {
    const formats = new Map(about[`${group.dataset.kind}_formats`].map((one) => [one.name, one]));
    for (const option of group.children) {
      const form = formats.get(option.value);
      option.dataset.text ??= option.textContent;
      option.hidden = !form;
      option.disabled = !form || (hasLanes && form.holds === "channel");
      const note = form && option.disabled ? ` ${getSentence("one-channel")}` : "";
      option.textContent = option.dataset.text + note;
      option.dataset.suffix = form?.suffix ?? "";
      formats.delete(option.value);
    }
    for (const { name, suffix } of formats.values()) {
      const option = new Option(name, name);
      option.dataset.suffix = suffix;
      group.append(option);
    }
  }
  const chosen = byId("format").selectedOptions[0];
  if (!chosen || chosen.disabled) byId("format").value = "csv";
  byId("download-state").textContent = "";
  byId("download").onsubmit = (event) => {
    event.preventDefault();
    const option = byId("format").selectedOptions[0];
    const isTimeline = option.parentElement.dataset.kind === "timeline";
    const blob = isTimeline ? exportTimelines(option.value) : repeatPrediction(option.value);
    save(blob, option.dataset.suffix);
  };
  byId("training").onsubmit = (event) => {
    event.preventDefault();
    save(exportTimelines("training", byId("with-unchanged").checked), ".labels.csv");
  };
  byId("with-unchanged").checked = false;
  byId("with-unchanged").onchange = showCorrections;
  showCorrections();
}

const WITH_SOUND = ["html"];

async function exportTimelines(format, withUnchanged = false) {
  const document = {
    response_format: format,
    model: shown.options.model,
    results: shown.result.timelines.results,
    with_unchanged: withUnchanged,
    content: WITH_SOUND.includes(format) ? await encodeBase64(shown.file) : "",
  };
  const headers = { "Content-Type": "application/json" };
  return request("POST", "/page/export", { body: JSON.stringify(document), type: "blob", headers });
}

function encodeBase64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Problem("file_gone"));
    reader.readAsDataURL(blob);
  });
}

function repeatPrediction(format) {
  const body = new FormData();
  body.append("file", shown.file, shown.file.name);
  const fields = { ...shown.options, timeline: "false", response_format: format };
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return request("POST", "/v1/emotion", { body, type: "blob" });
}

async function save(content, suffix) {
  const state = byId("download-state");
  state.classList.remove("problem");
  try {
    const link = makeElement("a");
    link.href = makeUrl(await content);
    link.download = shown.file.name.replace(/\.[^.]+$/, "") + suffix;
    link.click();
    state.textContent = getSentence("downloaded", { name: link.download });
  } catch (error) {
    showProblem(state, error);
    state.classList.add("problem");
  }
}
