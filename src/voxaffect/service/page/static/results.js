// The answer to a recording: how it sounds, whether to trust it, its timeline, and downloads.

import { describePromise, isReliable } from "/page/about.js";
import { Problem, request, showProblem } from "/page/access.js";
import { makeBars } from "/page/bars.js";
import { byId, formatConfidence, getAdvice, getSentence, getVerdict, makeElement } from "/page/words.js";

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
  const trust = getState();
  const isDoubted = kind === "certain" && ["low", "limited"].includes(trust);
  Object.assign(article.dataset, { kind, trust });
  const isHopeless = kind === "uncertain" && listSegments().every((segment) => segment.uncertain);
  set(".eyebrow", getSentence(`eyebrow-${isHopeless ? "hopeless" : isDoubted ? trust : kind}`));
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
  const isOne = prediction.windows === null && !prediction.channels_differ; // else no share makes it certain
  bars.replaceChildren(...makeBars(model.emotions, prediction, isOne ? threshold : 0));
  set(".threshold", threshold && isOne ? getSentence("threshold", { threshold: formatConfidence(threshold) }) : "");
  return article;
}

function explain(prediction, kind, abstention) {
  if (kind === "none") return getSentence("reason-none");
  const promise = describePromise(abstention);
  const confidence = formatConfidence(prediction.confidence, kind === "uncertain");
  if (kind === "certain") {
    const trust = getState(); // the share of right answers holds for good recordings
    if (["low", "limited"].includes(trust)) return getSentence(`reason-${trust}`, { confidence });
    if (!abstention.threshold) return getSentence("reason-certain-unmeasured");
    return getSentence(isReliable(abstention) ? "reason-certain" : "reason-certain-poor", promise);
  }
  if (prediction.channels_differ) return getSentence("reason-differ");
  if (prediction.windows !== null) return getSentence("reason-long", { count: prediction.windows });
  const ranked = Object.entries(prediction.probabilities).sort((one, other) => other[1] - one[1]);
  return getSentence("reason-uncertain", { ...promise, confidence, second: ranked[1][0] });
}

// Flaws of the recording itself; what the answer is like is shown above.
// Channels that are not mixed may differ. The most serious come first.
function listFlaws() {
  const { result, options } = shown;
  const ignored = options.channels === "mix" ? ["answer"] : ["answer", "channels"];
  const flaws = (result.diagnosis?.findings ?? []).filter((one) => one.verdict !== "ok" && !ignored.includes(one.topic));
  const trusts = ["low", "limited", "high"];
  return flaws.sort((one, other) => trusts.indexOf(one.trust) - trusts.indexOf(other.trust));
}

const isMean = () => shown.result.predictions.results.some((prediction) => prediction.windows !== null);

function getState() {
  if (!shown.result.diagnosis) return "unknown";
  const flaws = listFlaws();
  const trusts = flaws.map((one) => one.trust);
  if (isMean() && flaws.every((one) => one.topic === "length" || one.trust === "high")) return "long";
  if (trusts.includes("low")) return "low";
  if (trusts.includes("limited")) return "limited";
  return flaws.length ? "minor" : "high";
}

function showAdvice(diagnosis) {
  const flaws = listFlaws();
  const state = getState();
  const channels = diagnosis?.findings.find((one) => one.topic === "channels");
  byId("advice-mixed").hidden = shown.options.channels === "mix" || !channels || channels.text === "mono";
  byId("advice").dataset.trust = state;
  byId("advice-trust").textContent = getSentence(`trust-${state}`);
  byId("advice-flaws").replaceChildren(...flaws.map(makeFlaw));
  byId("advice-measured").hidden = !diagnosis;
  byId("advice-rows").replaceChildren(...(diagnosis?.findings ?? []).map(makeFinding));
}

function makeFlaw(finding) {
  const isOfMean = finding.topic === "length" && isMean();
  const { text, remedy } = getAdvice(isOfMean ? { ...finding, topic: "mean" } : finding);
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
  const element = document.createElement("voxaffect-recording");
  element.data = shown.result.view;
  element.audio = makeUrl(shown.file);
  element.editable = true;
  element.addEventListener("correct", (event) => correct(event.detail));
  byId("component").replaceChildren(element);
  showCorrections();
}

// Say how certain the segments are that nobody corrected, and why the one answer may differ.
function showCertainty() {
  const all = listSegments();
  const segments = all.filter((segment) => segment.model_emotion === undefined);
  const certain = segments.filter((segment) => !segment.uncertain).length;
  const share = certain === segments.length ? (certain === 1 ? "all-one" : "all") : "some";
  const isRest = segments.length < all.length;
  const state = segments.length ? (certain ? share : "uncertain") : "none";
  const isUnfit = getState() === "low" && segments.length > 0;
  const name = isUnfit ? "segments-unfit" : isRest ? `rest-${state}` : `segments-${state}${all.length === 1 && !certain ? "-one" : ""}`;
  const text = getSentence(name, { certain, count: segments.length });
  const isLimited = certain && getState() === "limited";
  const why = isUnfit ? "" : isLimited ? "segments-limited" : doSegmentsDiffer(segments) ? "segments-differ" : "";
  byId("over-time-certain").textContent = [text, getSentence(why)].filter(Boolean).join(" ");
}

// Whether a segment is certain and the one answer is not, or the other way round.
function doSegmentsDiffer(segments) {
  const predictions = shown.result.predictions.results.filter((prediction) => prediction.emotion !== null);
  const isWhole = predictions.every((prediction) => prediction.windows === null && !prediction.channels_differ);
  return isWhole && predictions.some((whole) => segments.some((segment) => segment.uncertain !== whole.uncertain));
}

// Note the emotion that a person chose, next to the one of the model.
function correct({ lane, segment, emotion }) {
  const part = shown.result.timelines.results[lane].segments[segment];
  const own = part.model_emotion ?? part.emotion;
  part.emotion = emotion;
  if (emotion === own) delete part.model_emotion;
  else part.model_emotion = own;
  shown.isUnsaved = countCorrections() > 0;
  showCorrections();
}

export const hasUnsaved = () => Boolean(shown?.isUnsaved);

// Ask before corrections are lost that no download holds; true if they may be.
export function mayDiscard() {
  const isAllowed = !hasUnsaved() || window.confirm(getSentence("discard"));
  if (isAllowed && shown) shown.isUnsaved = false;
  return isAllowed;
}

const countCorrections = () => listSegments().filter((segment) => segment.model_emotion !== undefined).length;

function showCorrections() {
  const count = countCorrections();
  showCertainty();
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
      option.disabled = !form || (hasLanes && form.holds === "channel");
      const note = option.disabled ? ` ${getSentence(form ? "one-channel" : "not-installed")}` : "";
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
    const holdsCorrections = isTimeline && !WITHOUT_CORRECTIONS.includes(option.value);
    save(blob, (isTimeline ? "" : ".answer") + option.dataset.suffix, holdsCorrections);
  };
  byId("training").onsubmit = (event) => {
    event.preventDefault();
    save(exportTimelines("training", byId("with-unchanged").checked), LABELS, true);
  };
  const labels = nameDownload(LABELS);
  const quoted = /^[\w.-]+$/.test(labels) ? labels : `"${labels}"`;
  byId("training-command").textContent = `voxaffect train csv --data ${quoted} -o mine.onnx`;
  byId("with-unchanged").checked = false;
  byId("with-unchanged").onchange = showCorrections;
  showCorrections();
}

const WITH_SOUND = ["html"];
const WITHOUT_CORRECTIONS = ["summary_csv", "summary_parquet", "labelstudio_config"];
const LABELS = ".labels.csv";

const nameDownload = (suffix) => shown.file.name.replace(/\.[^.]+$/, "") + suffix;

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

async function save(content, suffix, holdsCorrections) {
  const own = shown;
  const state = byId("download-state");
  state.classList.remove("problem");
  try {
    const link = makeElement("a");
    link.href = makeUrl(await content);
    link.download = nameDownload(suffix);
    link.click();
    if (holdsCorrections) own.isUnsaved = false;
    state.textContent = getSentence("downloaded", { name: link.download });
  } catch (error) {
    showProblem(state, error);
    state.classList.add("problem");
  }
}
