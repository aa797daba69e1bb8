// The tab about models, their limits and the law.

import { byId, formatConfidence, formatPercent, getSentence, makeElement } from "/page/words.js";

const GOOD_RIGHT = 70; // of 100 answers that count as certain

export function showAbout(about) {
  byId("law-text").textContent = about.notice;
  byId("version").textContent = about.version;
  byId("models").replaceChildren(...about.models.map((model) => makeCard(model, about)));
  byId("model").replaceChildren(...about.models.map((model) => new Option(model.id, model.id)));
  byId("model").value = about.default_model;
}

// Words on how many certain answers were right, as the card of a model states it.
export function describePromise({ threshold, risk, coverage, speakers_risk: speakersRisk }) {
  return {
    threshold: formatConfidence(threshold ?? 0),
    right: Math.round(100 * (1 - (risk ?? 1))),
    wrong: Math.round(100 * (risk ?? 1)),
    coverage: formatPercent(coverage ?? 0),
    unseen: getSentence(speakersRisk === undefined ? "unseen-speakers" : "unseen-corpora"),
  };
}

// Whether most of the certain answers of a model were right.
export const isReliable = (abstention) => describePromise(abstention).right >= GOOD_RIGHT;

function makeCard(model, about) {
  const card = makeElement("article", "card");
  const roles = [
    model.id === about.default_model && getSentence("model-default"),
    model.id === about.stream_model && getSentence("model-stream"),
  ].filter(Boolean);
  const title = makeElement("h3", "", model.id);
  title.append(...roles.map((role) => makeElement("span", "tag", role)));
  const emotions = makeElement("p", "", model.emotions.map((emotion) => emotion.name).join(", "));
  const list = makeElement("ul");
  const add = (text) => text && list.append(makeElement("li", "", text));
  add(getSentence("model-use", { use: model.use }));
  if (model.abstention.threshold) add(getSentence("model-promise", describePromise(model.abstention)));
  if (model.encoder) add(getSentence("model-encoder", { encoder: model.encoder }));
  for (const [name, corpus] of Object.entries(model.corpora)) add(getSentence("model-corpus", { name, ...corpus }));
  card.append(title, emotions, list);
  return card;
}
