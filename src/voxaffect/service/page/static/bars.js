// Bars of the probabilities of all emotions; without a result they are empty.

import { formatConfidence, formatPercent, makeElement } from "/page/words.js";

export function makeBars(emotions, result, threshold) {
  const { emotion = null, probabilities = {} } = result ?? {};
  const format = (share) => {
    const isClose = threshold && formatPercent(share) === formatPercent(threshold);
    return isClose ? formatConfidence(share, share < threshold) : formatPercent(share);
  };
  return emotions.map(({ name, color }) => {
    const row = makeElement("li", name === emotion ? "first" : "");
    const bar = makeElement("span", "track");
    bar.setAttribute("aria-hidden", "true"); // the number says the same
    bar.style.setProperty("--share", probabilities[name] ?? 0);
    bar.style.setProperty("--color", color);
    if (threshold) bar.style.setProperty("--threshold", threshold);
    bar.classList.toggle("with-threshold", Boolean(threshold && result));
    const number = makeElement("span", "number", name in probabilities ? format(probabilities[name]) : "");
    row.append(makeElement("span", "name", name), bar, number);
    return row;
  });
}
