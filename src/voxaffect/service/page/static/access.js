// Requests to the server, with the token where it asks for one, and errors as sentences.

import { byId, getSentence, makeElement, splitRemedy } from "/page/words.js";

const KEY = "voxaffect-token"; // of this tab: the browser forgets it when the tab is closed

export class Problem extends Error {
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

let limits = {};
let answerOfDialog = null;

export const setLimits = (about) => {
  limits = {
    megabytes: Math.floor(about.max_body_bytes / 1e6),
    minutes: Math.round(about.max_seconds / 6) / 10,
  };
};

export const getToken = () => sessionStorage.getItem(KEY) ?? "";

export function getProtocols() {
  return getToken() ? ["voxaffect", `bearer.${getToken()}`] : ["voxaffect"];
}

// Answer of the server: its text, or its bytes as a blob. Uploads report their progress.
export async function request(method, path, { body = null, type = "text", headers = {}, onProgress = null, signal = null } = {}) {
  for (;;) {
    const answer = await exchange(method, path, { body, type, headers, onProgress, signal });
    if (answer.status < 400) return answer.content;
    const error = await readError(answer);
    if (answer.status !== 401) throw error;
    await askForToken(error.code === "wrong_token");
  }
}

export const requestJson = async (method, path, options) => JSON.parse(await request(method, path, options));

function exchange(method, path, { body, type, headers, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest(); // fetch reports no progress of an upload
    call.open(method, path);
    call.responseType = type;
    if (getToken()) call.setRequestHeader("Authorization", `Bearer ${getToken()}`);
    for (const [name, value] of Object.entries(headers)) call.setRequestHeader(name, value);
    if (onProgress) {
      call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      call.upload.onload = () => onProgress(1);
    }
    call.onload = () => resolve({ status: call.status, content: call.response });
    call.onerror = () => reject(new Problem("offline"));
    call.onabort = () => reject(new DOMException("canceled", "AbortError"));
    signal?.addEventListener("abort", () => call.abort());
    call.send(body);
  });
}

async function readError(answer) {
  try {
    const text = answer.content instanceof Blob ? await answer.content.text() : answer.content;
    const { code, message } = JSON.parse(text).error;
    return new Problem(code, message);
  } catch {
    return new Problem("internal_error");
  }
}

// All requests that wait for the token wait for one dialog.
function askForToken(isWrong) {
  answerOfDialog ??= new Promise((resolve) => {
    const [dialog, form, field] = ["token-dialog", "token-form", "token"].map(byId);
    byId("token-wrong").hidden = !isWrong || !getToken();
    field.value = "";
    form.onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, field.value.trim());
      dialog.close();
    };
    dialog.oncancel = (event) => event.preventDefault(); // without a token nothing works
    dialog.onclose = () => {
      answerOfDialog = null;
      resolve();
    };
    dialog.showModal();
    field.focus();
  });
  return answerOfDialog;
}

// Show what went wrong, and what helps; the words of the server add the particulars.
export function showProblem(box, problem) {
  const code = problem instanceof Problem ? problem.code : "other";
  const template = byId("problems").content;
  const known = template.querySelector(`[data-code="${CSS.escape(code)}"]`);
  const { text, remedy } = splitRemedy(known ?? template.querySelector('[data-code="other"]'), limits);
  box.replaceChildren(makeElement("strong", "", text), " ", makeElement("span", "", remedy));
  if (problem.message && problem instanceof Problem && code !== "internal_error") {
    const details = makeElement("details", "particulars");
    details.append(makeElement("summary", "", getSentence("particulars")), makeElement("p", "", problem.message));
    box.append(details);
  }
  box.dataset.code = code;
  box.hidden = false;
}
