// Start of the page: its tabs, and what the server says about itself.

import { requestJson, setLimits, showProblem } from "/page/access.js";
import { showAbout } from "/page/about.js";
import { startLive } from "/page/live.js";
import { startRecording } from "/page/recording-tab.js";
import "/page/recording.js";
import { byId } from "/page/words.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];

function openTab(tab) {
  for (const other of tabs) {
    const isOpen = other === tab;
    other.setAttribute("aria-selected", isOpen);
    other.tabIndex = isOpen ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !isOpen;
  }
}

function openByAddress() {
  openTab(tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash) ?? tabs[0]);
}

tabs.forEach((tab, index) => {
  tab.addEventListener("click", () => {
    openTab(tab);
    history.replaceState(null, "", `#${tab.getAttribute("aria-controls")}`);
  });
  tab.addEventListener("keydown", (event) => {
    const target = {
      ArrowRight: tabs[(index + 1) % tabs.length],
      ArrowLeft: tabs.at(index - 1),
      Home: tabs[0],
      End: tabs.at(-1),
    }[event.key];
    if (!target) return;
    event.preventDefault();
    target.click();
    target.focus();
  });
});
window.addEventListener("hashchange", openByAddress);
openByAddress();

try {
  const about = await requestJson("GET", "/page/about");
  setLimits(about);
  showAbout(about);
  startRecording(about);
  startLive(about);
  document.body.dataset.state = "ready";
} catch (error) {
  showProblem(byId("problem"), error);
}
