// Sentences of the page. All of them stand in the HTML; scripts choose one and fill it in.

export const byId = (id) => document.getElementById(id);

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export function getSentence(name, values = {}) {
  const element = byId("sentences").content.querySelector(`[data-name="${name}"]`);
  return element ? fill(element.textContent, values) : "";
}

export function getVerdict(name) {
  return byId("verdicts").content.querySelector(`[data-name="${name}"]`).textContent;
}

export function getAdvice({ topic, verdict }) {
  const choose = (rest) => byId("findings").content.querySelector(`[data-topic="${CSS.escape(topic)}"]${rest}`);
  return splitRemedy(choose(`[data-verdict="${CSS.escape(verdict)}"]`) ?? choose(":not([data-verdict])"));
}

export function splitRemedy(element, values = {}) {
  const remedy = element?.querySelector("span")?.textContent ?? "";
  const text = (element?.textContent ?? "").slice(0, -remedy.length || undefined).trim();
  return { text: fill(text, values), remedy: fill(remedy, values) };
}

export const formatPercent = (share, decimals = 0) => {
  if (decimals) return `${(100 * share).toFixed(decimals)}%`;
  const percent = Math.round(100 * share);
  if (percent === 100 && share < 1) return ">99%";
  return percent === 0 && share > 0 ? "<1%" : `${percent}%`;
};

// Share beside a threshold: rounded so that what is below it never looks like it.
export function formatConfidence(share, isUncertain = false) {
  const round = isUncertain ? Math.floor : Math.ceil;
  return formatPercent(round(1000 * share + (isUncertain ? 1e-6 : -1e-6)) / 1000, 1);
}

export function formatClock(seconds, decimals = 0) {
  const units = Math.round(seconds * 10 ** decimals) / 10 ** decimals;
  const minutes = Math.floor(units / 60);
  const rest = (units - 60 * minutes).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

export function makeElement(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
