/**
 * <voxaffect-recording>: waveform, emotions, player, summary and table of one recording.
 *
 * data       JSON of RecordingView (view.py): {name, seconds, emotions, lanes}
 * audio      URL of the sound, or null for no player
 * delay      seconds that the sound is late, as an encoder delays it
 * editable   true: the table corrects emotions
 * corrected  data with corrections; a corrected segment has model_emotion
 *
 * With speakers, a lane has a track for each; where several speak, there is no segment.
 *
 * "correct"  event, detail {lane, segment, emotion}: indices of the lane and of the segment in it
 *
 * All text comes from the data as text, never as HTML; styles are set through the DOM, so that
 * Content-Security-Policy may forbid inline ones.
 */

const ROWS_ON_PAGE = 25;
const WAVE_HEIGHT = 64;
const STRIP_HEIGHT = 36;
const SEVERAL = "several speakers";
const ONLY_SEVERAL = `Only ${SEVERAL} at once, so no emotion.`;
const UNKNOWN = "unknown speaker";
const SHARES_HEIGHT = 64; // of a recording that is drawn as shares when it is shown whole
const AXIS_HEIGHT = 24;
const NARROW = 5; // px; when half of the segments are narrower, shares are drawn instead
const BUCKET_WIDTH = 12; // px, at least
const DENSEST = 200; // px a second
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
const TEMPLATE = `
<div class="bar">
  <button type="button" class="play">
    <svg class="go" viewBox="0 0 10 10" aria-hidden="true"><path d="M1 0l9 5-9 5z"/></svg>
    <svg class="stop" viewBox="0 0 10 10" aria-hidden="true"><path d="M1 0h3v10H1zM6 0h3v10H6z"/></svg>
    <span class="word">Play</span>
  </button>
  <span class="clock"></span>
  <div class="zoom" role="group" aria-label="Zoom">
    <button type="button" class="out" aria-label="Zoom out">−</button>
    <button type="button" class="in" aria-label="Zoom in">+</button>
    <button type="button" class="fit">Whole</button>
  </div>
</div>
<div class="scroller"><div class="span"><div class="view">
  <div class="lanes"></div>
  <canvas class="axis" aria-hidden="true"></canvas>
  <div class="playhead" hidden></div>
</div></div></div>
<p class="note"></p>
<div class="panels">
  <div class="detail"></div>
  <div class="scroll summary"></div>
</div>
<div class="scroll segments"></div>
<div class="pages" hidden>
  <button type="button" class="previous">Previous</button>
  <span class="range"></span>
  <button type="button" class="next">Next</button>
</div>
<audio preload="auto"></audio>`;

/** Element with text and children. */
function make(tag, { text, ...properties } = {}, children = []) {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

// Disable buttons of a group, or not; the keyboard goes on from another one of it.
function disable(...states) {
  const focused = states.find(([button]) => button.matches(":focus"))?.[0];
  states.forEach(([button, isOff]) => (button.disabled = isOff));
  if (focused?.disabled) states.find(([, isOff]) => !isOff)?.[0].focus();
}

function formatTime(seconds, decimals = 1) {
  const ticks = Math.round(seconds * 10 ** decimals);
  const whole = Math.floor(ticks / 10 ** decimals);
  const pad = (number) => String(number).padStart(2, "0");
  const rest = decimals ? `.${String(ticks % 10 ** decimals).padStart(decimals, "0")}` : "";
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}${rest}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}${rest}`;
}

function formatPercent(share) {
  const digits = [0, 1, 2, 3, 4].find((count) => share === 1 || Number((share * 100).toFixed(count)) < 100) ?? 4;
  return share > 0 && share < 0.005 ? "<1%" : `${(share * 100).toFixed(digits)}%`;
}

/** Length of a stretch in words. */
function formatStep(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
}

/** Index of the last part that begins at or before a moment; -1 before the first. */
function findLast(parts, seconds) {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (parts[middle].start_seconds <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Color of lines that stand out from a color such as #332288. */
function contrastTo(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  return 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 ? "rgb(0 0 0 / .55)" : "rgb(255 255 255 / .75)";
}

const LINES = {
  "/": [[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]],
  "\\": [[-2, -2, 10, 10], [-2, 6, 2, 10], [6, -2, 10, 2]],
  "-": [[0, 2, 8, 2], [0, 6, 8, 6]],
  "|": [[2, 0, 2, 8], [6, 0, 6, 8]],
  "+": [[0, 4, 8, 4], [4, 0, 4, 8]],
  "*": [[4, 1, 4, 7], [1.4, 2.5, 6.6, 5.5], [1.4, 5.5, 6.6, 2.5]],
};
LINES.x = [...LINES["/"], ...LINES["\\"]];

/** Tile of an emotion's color and pattern, 8 px wide. */
function drawTile({ color, pattern }, scale) {
  const tile = make("canvas", { width: 8 * scale, height: 8 * scale });
  const pen = tile.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = color;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = pen.fillStyle = contrastTo(color);
  pen.lineWidth = 1;
  pen.beginPath();
  for (const [x0, y0, x1, y1] of LINES[pattern[0]] ?? []) {
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
  }
  if (pattern[0] === "o") pen.arc(4, 4, 2.4, 0, 7);
  pen.stroke();
  if (pattern[0] === ".") for (const [x, y] of [[1, 1], [5, 5]]) pen.fillRect(x, y, 2, 2);
  return tile;
}

/** Text of others, whose direction cannot change the text around it. */
function quote(text, className = "") {
  return make("bdi", { text, className, title: className === "who" ? text : "" });
}

function quoteName(text) {
  return make("span", { className: "lane-name" }, [quote(text)]);
}

/** Key of an emotion: its color and pattern. */
function makeSwatch(emotion) {
  const swatch = make("canvas", { className: "swatch", width: 32, height: 32 });
  swatch.setAttribute("aria-hidden", "true");
  const pen = swatch.getContext("2d");
  pen.fillStyle = pen.createPattern(drawTile(emotion, 2), "repeat");
  pen.fillRect(0, 0, 32, 32);
  return swatch;
}

class VoxaffectRecording extends HTMLElement {
  #data = null;
  #url = null;
  #delay = 0;
  #editable = false;
  #zoom = 1;
  #selected = null; // {lane, index}
  #hovered = null;
  #stopAt = Infinity;
  #isOverlapHeard = false; // its neighbors stay as they are
  #page = 0;
  #frame = 0;
  #parts = {};
  #tracks = []; // {canvas, wave, element, lane, speaker, indices, segments, overlaps, hasWave}
  #owners = []; // number of the track, by lane and index
  #rows = []; // {lane, index} of segments, in time
  #entries = []; // of the table: rows, and {lane, overlap}
  #patterns = new Map();
  #observer = new ResizeObserver(() => this.#resize());
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  #redraw = () => this.#draw();

  connectedCallback() {
    this.#scheme.addEventListener("change", this.#redraw);
    this.#build();
  }

  disconnectedCallback() {
    this.#scheme.removeEventListener("change", this.#redraw);
    this.#observer.disconnect();
    this.#parts.audio?.pause();
  }

  get data() { return this.#data; }
  set data(value) {
    this.#data = value && structuredClone(value);
    this.#selected = this.#hovered = null;
    this.#zoom = 1;
    this.#page = 0;
    this.#build();
  }

  get audio() { return this.#url; }
  set audio(value) {
    this.#url = value;
    this.#load();
  }

  get delay() { return this.#delay; }
  set delay(value) { this.#delay = Number(value) || 0; }

  get editable() { return this.#editable; }
  set editable(value) {
    this.#editable = Boolean(value);
    if (this.#parts.segments) this.#fillTable();
  }

  get corrected() { return structuredClone(this.#data); }

  // Construction

  #build() {
    if (!this.isConnected || !this.#data) {
      this.replaceChildren();
      this.#parts = {};
      return;
    }
    this.#observer.disconnect();
    this.innerHTML = TEMPLATE;
    const names = ["play", "word", "clock", "zoom", "out", "in", "fit", "scroller", "span", "view", "lanes", "axis", "playhead", "note", "detail", "summary", "segments", "pages", "previous", "range", "next"];
    this.#parts = Object.fromEntries(names.map((name) => [name, this.querySelector(`.${name}`)]));
    this.#parts.audio = this.querySelector("audio");
    this.#tracks = this.#data.lanes.flatMap((_, lane) => this.#listTracks(lane));
    this.#tracks.forEach((track, number) => this.#buildTrack(track, number));
    this.#parts.lanes.append(...this.#tracks.map((track) => track.element));
    this.#owners = this.#data.lanes.map(() => []);
    this.#tracks.forEach(({ lane, indices }, number) => indices.forEach((index) => (this.#owners[lane][index] = number)));
    this.#entries = this.#data.lanes.flatMap(({ segments, overlaps = [] }, lane) => [
      ...segments.map((_, index) => ({ lane, index })),
      ...overlaps.map((_, overlap) => ({ lane, overlap })),
    ]);
    this.#entries.sort((one, other) => this.#part(one).start_seconds - this.#part(other).start_seconds || one.lane - other.lane);
    this.#rows = this.#entries.filter(({ index }) => index !== undefined);
    this.#listen();
    this.#load();
    this.#fillSummary();
    this.#select(this.#rows[0] ?? null);
    this.#fillTable();
    this.#observer.observe(this.#parts.scroller);
    this.#resize();
  }

  /** Tracks of a lane: one for each speaker in order of appearance, or one for all segments. */
  #listTracks(lane) {
    const { segments, overlaps = [] } = this.#data.lanes[lane];
    const moments = [
      ...segments.map((one) => [one.start_seconds, one.speaker ?? null]),
      ...overlaps.flatMap((one) => one.speakers.map((speaker) => [one.start_seconds, speaker])),
    ];
    moments.sort((one, other) => one[0] - other[0]);
    const known = [...new Set(moments.map(([, speaker]) => speaker))];
    const speakers = known.some((speaker) => speaker !== null) ? known : [null];
    return speakers.map((speaker, at) => {
      const indices = [...segments.keys()].filter((index) => speakers.length === 1 || (segments[index].speaker ?? null) === speaker);
      const own = overlaps.filter((one) => one.speakers.includes(speaker));
      const name = speakers.length > 1 || speaker !== null ? speaker ?? UNKNOWN : null;
      return { lane, speaker: name, indices, segments: indices.map((index) => segments[index]), overlaps: own, hasWave: at === 0 };
    });
  }

  #buildTrack(track, number) {
    // With speakers, the wave is the lane's, so it is drawn apart, above the name of the first.
    const wave = track.hasWave && track.speaker !== null ? make("canvas", { className: "wave" }) : null;
    const canvas = make("canvas", { className: "track" });
    const element = make("div", { className: "lane", tabIndex: 0 });
    element.setAttribute("role", "slider");
    element.setAttribute("aria-label", `Segments of ${this.#trackName(track)}`);
    element.setAttribute("aria-valuemin", "1");
    element.setAttribute("aria-valuemax", String(Math.max(track.segments.length, 1)));
    if (wave && this.#data.lanes.length > 1) element.append(quoteName(this.#laneName(track.lane)));
    if (wave) element.append(wave);
    if (this.#tracks.length > 1 || track.speaker !== null) element.append(quoteName(this.#trackName(track)));
    element.append(canvas);
    element.addEventListener("keydown", (event) => this.#onKey(event, number));
    element.addEventListener("focus", () => {
      if (!this.#selected || this.#trackOf(this.#selected) !== number) this.#select(this.#near(number));
    });
    for (const [surface, parts] of [[canvas, track], [wave, this.#data.lanes[track.lane]]]) {
      if (!surface) continue;
      surface.setAttribute("aria-hidden", "true");
      surface.addEventListener("pointermove", (event) => this.#hover(this.#at(track.lane, parts, event)));
      surface.addEventListener("pointerleave", () => this.#hover(null));
      surface.addEventListener("click", (event) => this.#onClick(event, this.#at(track.lane, parts, event)));
    }
    Object.assign(track, { canvas, wave, element });
  }

  #trackOf({ lane, index }) { return this.#owners[lane][index]; }

  #trackName({ lane, speaker }) {
    if (speaker === null) return this.#laneName(lane);
    return this.#data.lanes.length > 1 ? `${speaker}, ${this.#laneName(lane)}` : speaker;
  }

  get #hasSpeakers() { return this.#tracks.some(({ speaker }) => speaker !== null); }

  #laneName(number) {
    const { name } = this.#data.lanes[number];
    return /^\d+$/.test(name) ? `channel ${name}` : name;
  }

  #waveHeight() { return this.#data.lanes.length > 1 ? 0.75 * WAVE_HEIGHT : WAVE_HEIGHT; }

  #listen() {
    const { play, out, in: closer, fit, scroller, audio, previous, next } = this.#parts;
    play.addEventListener("click", () => this.#toggle());
    out.addEventListener("click", () => this.#setZoom(this.#zoom / 2));
    closer.addEventListener("click", () => this.#setZoom(this.#zoom * 2));
    fit.addEventListener("click", () => this.#setZoom(1));
    scroller.addEventListener("scroll", () => this.#plan(), { passive: true });
    scroller.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.#setZoom(this.#zoom * 2 ** (-event.deltaY / 200), this.#toSeconds(event));
    }, { passive: false });
    for (const name of ["play", "pause", "ended", "seeked", "timeupdate"]) audio.addEventListener(name, () => this.#follow());
    previous.addEventListener("click", () => this.#turn(-1));
    next.addEventListener("click", () => this.#turn(1));
  }

  // Sound

  #load() {
    const { audio, play } = this.#parts;
    if (!audio) return;
    audio.pause();
    this.#stopAt = Infinity;
    play.hidden = !this.#url;
    if (this.#url) audio.src = this.#url;
    else audio.removeAttribute("src");
    this.#follow();
  }

  /** Seconds of the recording that are heard. */
  get #moment() { return Math.max(this.#parts.audio.currentTime - this.#delay, 0); }
  set #moment(seconds) { this.#parts.audio.currentTime = seconds + this.#delay; }

  #toggle() {
    const { audio } = this.#parts;
    if (!this.#url) return;
    if (!audio.paused) {
      audio.pause();
      return;
    }
    this.#stopAt = Infinity;
    this.#isOverlapHeard = false;
    audio.play().catch(() => {});
  }

  /** Hear a segment from its start to its end. */
  #hear(position) {
    if (!this.#url || !position) return;
    const { start_seconds: start, end_seconds: end } = this.#part(position);
    this.#stopAt = end;
    this.#isOverlapHeard = position.overlap !== undefined;
    this.#moment = start;
    this.#parts.audio.play().catch(() => {});
  }

  #follow() {
    const { audio, play, word, clock, playhead } = this.#parts;
    if (!clock) return;
    if (this.#moment >= this.#stopAt && !audio.paused) {
      this.#stopAt = Infinity;
      audio.pause();
    }
    const isPlaying = Boolean(this.#url) && !audio.paused;
    if (word.textContent !== (isPlaying ? "Pause" : "Play")) word.textContent = isPlaying ? "Pause" : "Play";
    play.toggleAttribute("data-playing", isPlaying);
    const length = formatTime(this.#data.seconds, 0);
    clock.hidden = !this.#url;
    clock.textContent = `${formatTime(Math.floor(this.#moment), 0)} / ${length}`;
    playhead.hidden = !this.#url;
    if (isPlaying) {
      this.#keepInView(this.#moment);
      this.#selectPlaying(this.#moment);
      requestAnimationFrame(() => this.#follow());
    }
    this.#movePlayhead();
  }

  #selectPlaying(seconds) {
    const lane = this.#selected?.lane ?? 0;
    const index = this.#isOverlapHeard ? null : this.#indexAt(lane, seconds);
    if (index !== null && index !== this.#selected?.index) this.#select({ lane, index });
  }

  #movePlayhead() {
    const { playhead, scroller } = this.#parts;
    const x = this.#moment * this.#density() - scroller.scrollLeft;
    playhead.hidden = !this.#url || x < 0 || x > scroller.clientWidth;
    playhead.style.transform = `translateX(${x}px)`;
  }

  // Time and zoom

  #density() { return (this.#parts.scroller.clientWidth * this.#zoom) / this.#data.seconds; }

  #most() { return Math.max(1, (DENSEST * this.#data.seconds) / Math.max(this.#parts.scroller.clientWidth, 1)); }

  #toSeconds(event) {
    const { scroller } = this.#parts;
    return (event.clientX - scroller.getBoundingClientRect().left + scroller.scrollLeft) / this.#density();
  }

  #setZoom(value, seconds) {
    const { scroller } = this.#parts;
    const width = scroller.clientWidth;
    const toX = (moment) => moment * this.#density() - scroller.scrollLeft;
    // What is pointed at or selected keeps its place; else the middle of what is visible does.
    const selected = this.#selected ? this.#segment(this.#selected).start_seconds : -1;
    const isVisible = toX(selected) >= 0 && toX(selected) <= width;
    const middle = (scroller.scrollLeft + width / 2) / this.#density();
    const moment = seconds ?? (isVisible ? selected : middle);
    const x = toX(moment);
    this.#zoom = Math.min(Math.max(value, 1), this.#most());
    this.#resize();
    scroller.scrollLeft = moment * this.#density() - x;
  }

  #resize() {
    const { scroller, span, view, zoom, out, in: closer, fit } = this.#parts;
    if (!scroller) return;
    this.#zoom = Math.min(this.#zoom, this.#most());
    view.style.width = `${scroller.clientWidth}px`;
    span.style.width = `${Math.floor(scroller.clientWidth * this.#zoom)}px`;
    zoom.hidden = this.#most() < 2;
    const isWhole = this.#zoom <= 1;
    disable([out, isWhole], [fit, isWhole], [closer, this.#zoom >= this.#most()]);
    this.#draw();
  }

  #keepInView(seconds) {
    const { scroller } = this.#parts;
    const x = seconds * this.#density() - scroller.scrollLeft;
    const width = scroller.clientWidth;
    if (this.#zoom > 1 && (x < 0 || x > 0.95 * width)) scroller.scrollLeft += x - 0.1 * width;
  }

  // Segments

  #segment({ lane, index }) { return this.#data.lanes[lane].segments[index]; }

  /** Segment or overlap. */
  #part({ lane, index, overlap }) {
    return overlap === undefined ? this.#segment({ lane, index }) : this.#data.lanes[lane].overlaps[overlap];
  }

  #emotion(name) { return this.#data.emotions.find((emotion) => emotion.name === name); }

  #indexAt(lane, seconds) { return this.#covering(this.#data.lanes[lane].segments, seconds); }

  /** Index of the part that covers a moment; null if none does. */
  #covering(parts, seconds) {
    const index = findLast(parts, seconds);
    return index >= 0 && seconds < parts[index].end_seconds ? index : null;
  }

  /** Segment or overlap under the pointer, among those of a track or of a lane. */
  #at(lane, { segments, overlaps = [] }, event) {
    const seconds = this.#toSeconds(event);
    const all = this.#data.lanes[lane];
    const at = this.#covering(segments, seconds);
    if (at !== null) return { lane, index: all.segments.indexOf(segments[at]) };
    const overlap = this.#covering(overlaps, seconds);
    return overlap === null ? null : { lane, overlap: all.overlaps.indexOf(overlaps[overlap]) };
  }

  /** Segment of a track that is nearest to the selected one. */
  #near(number) {
    const { lane, segments, indices } = this.#tracks[number];
    if (!segments.length) return null;
    const moment = this.#selected ? this.#segment(this.#selected).start_seconds : 0;
    return { lane, index: indices[Math.max(findLast(segments, moment), 0)] };
  }

  #select(position) {
    this.#selected = position;
    if (position && Math.floor(this.#rowOf(position) / ROWS_ON_PAGE) !== this.#page) {
      this.#page = Math.floor(this.#rowOf(position) / ROWS_ON_PAGE);
      this.#fillTable();
    }
    this.#tracks.forEach((_, number) => this.#describe(number));
    this.#markRow();
    this.#fillDetail();
    this.#plan();
  }

  #rowOf({ lane, index }) { return this.#entries.findIndex((row) => row.lane === lane && row.index === index); }

  #describe(number) {
    const { element, segments, indices, overlaps } = this.#tracks[number];
    const isHere = this.#selected && this.#trackOf(this.#selected) === number;
    const position = isHere ? this.#selected : this.#near(number);
    const at = position ? indices.indexOf(position.index) : 0;
    element.setAttribute("aria-valuenow", String(at + 1));
    let text = overlaps.length ? `only ${SEVERAL} at once` : "no speech";
    if (position) {
      const one = this.#segment(position);
      const words = one.text ? `, “${one.text}”` : "";
      text = `${one.emotion}, ${formatTime(one.start_seconds)} to ${formatTime(one.end_seconds)}, ${this.#trust(one)}${words}, segment ${at + 1} of ${segments.length}`;
    }
    element.setAttribute("aria-valuetext", text);
  }

  #trust(segment) {
    if (segment.model_emotion != null) return `corrected from ${segment.model_emotion}`;
    if (!segment.uncertain) return formatPercent(segment.confidence);
    const below = Math.floor(1000 * segment.confidence + 1e-6) / 10; // never rounded up to the threshold
    return `${below.toFixed(1)}%, uncertain`;
  }

  #hover(position) {
    if (["lane", "index", "overlap"].every((name) => position?.[name] === this.#hovered?.[name])) return;
    this.#hovered = position;
    this.#fillDetail();
    this.#plan();
  }

  #onClick(event, position) {
    if (position) {
      if (position.index !== undefined) this.#select(position);
      this.#hear(position);
    } else if (this.#url) this.#moment = this.#toSeconds(event);
  }

  #onKey(event, number) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { lane, indices } = this.#tracks[number];
    const isHere = this.#selected && this.#trackOf(this.#selected) === number;
    const at = indices.indexOf((isHere ? this.#selected : this.#near(number))?.index);
    const last = indices.length - 1;
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last };
    if (event.key in moves) {
      if (last >= 0) this.#select({ lane, index: indices[Math.min(Math.max(moves[event.key], 0), last)] });
      if (this.#selected) this.#reveal(this.#selected);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      this.#tracks[number + (event.key === "ArrowUp" ? -1 : 1)]?.element.focus();
    } else if (event.key === " " || event.key === "Enter") {
      if (this.#parts.audio.paused) this.#hear(this.#selected);
      else this.#parts.audio.pause();
    } else if (event.key === "+" || event.key === "-") {
      this.#setZoom(this.#zoom * (event.key === "+" ? 2 : 0.5));
    } else return;
    event.preventDefault();
  }

  #reveal(position) {
    const { scroller } = this.#parts;
    const x = this.#part(position).start_seconds * this.#density();
    const width = scroller.clientWidth;
    if (x < scroller.scrollLeft || x > scroller.scrollLeft + 0.9 * width) scroller.scrollLeft = x - width / 4;
  }

  #correct(position, emotion) {
    const segment = this.#segment(position);
    segment.model_emotion ??= segment.emotion;
    segment.emotion = emotion;
    if (segment.model_emotion === emotion) delete segment.model_emotion;
    this.#fillSummary();
    this.#select(position);
    const detail = { lane: position.lane, segment: position.index, emotion };
    this.dispatchEvent(new CustomEvent("correct", { detail, bubbles: true }));
  }

  // Words and numbers

  #fillDetail() {
    const { detail } = this.#parts;
    const position = this.#hovered ?? this.#selected;
    if (!position) {
      detail.replaceChildren(make("p", { className: "answer", text: this.#entries.length ? ONLY_SEVERAL : "No speech was found." }));
      return;
    }
    const part = this.#part(position);
    const times = `${formatTime(part.start_seconds)} – ${formatTime(part.end_seconds)}`;
    const lane = this.#data.lanes.length > 1 ? `, ${this.#laneName(position.lane)}` : "";
    const names = part.speakers ?? [part.speaker ?? []].flat();
    const people = names.flatMap((name) => [", ", quote(name)]);
    const words = part.text ? [make("p", { className: "words" }, [quote(part.text)])] : [];
    if (position.overlap !== undefined) {
      detail.replaceChildren(
        make("p", { className: "answer", text: SEVERAL }),
        make("p", { className: "about" }, [`${times}${lane}`, ...people]),
        ...words,
      );
      return;
    }
    const emotions = this.#data.emotions.filter(({ name }) => name in part.probabilities);
    detail.replaceChildren(
      make("p", { className: "answer", text: `${part.emotion} ` }),
      make("p", { className: "about" }, [`${times}${lane}`, ...people, `, ${this.#trust(part)}`]),
      ...words,
      make("ul", { className: "odds" }, emotions.map((emotion) => this.#makeOdds(emotion, part))),
    );
  }

  #makeOdds(emotion, segment) {
    const share = segment.probabilities[emotion.name];
    const fill = make("span", { className: "fill" });
    fill.style.width = `${100 * share}%`;
    return make("li", { className: emotion.name === segment.emotion ? "top" : "" }, [
      makeSwatch(emotion),
      make("span", { className: "name", text: emotion.name, title: emotion.name }),
      make("span", { className: "track" }, [fill]),
      make("span", { className: "number", text: formatPercent(share) }),
    ]);
  }

  /** Seconds of a track by emotion, of all speech, of what is uncertain, and with others. */
  #count({ segments, overlaps }) {
    const seconds = new Map();
    let uncertain = 0;
    let speech = 0;
    for (const segment of segments) {
      const length = segment.end_seconds - segment.start_seconds;
      seconds.set(segment.emotion, (seconds.get(segment.emotion) ?? 0) + length);
      speech += length;
      if (segment.uncertain && segment.model_emotion == null) uncertain += length;
    }
    const shared = overlaps.reduce((sum, one) => sum + one.end_seconds - one.start_seconds, 0);
    return { seconds, speech, uncertain, shared };
  }

  #fillSummary() {
    const { emotions } = this.#data;
    const counts = this.#tracks.map((track) => this.#count(track));
    const isAlone = this.#tracks.length === 1 && !this.#hasSpeakers;
    const head = ["Emotion", ...this.#tracks.map((track) => (isAlone ? "Time" : this.#trackName(track)))];
    const { summary } = this.#parts;
    if (this.#hasSpeakers) { // it may be wider than the window, so the keyboard has to reach it
      summary.tabIndex = 0;
      summary.setAttribute("role", "region");
      summary.setAttribute("aria-label", "Time by emotion of each speaker");
    }
    const row = (label, numbers, className = "") => make("tr", { className }, [
      make("th", { scope: "row" }, label),
      ...numbers.map(([seconds, share]) => make("td", { className: "number" }, [
        make("span", { text: `${formatTime(seconds, 0)} ` }),
        make("span", { className: "share", text: share === null ? "" : formatPercent(share) }),
      ])),
    ]);
    const share = (seconds, { speech }) => [seconds, speech ? seconds / speech : null];
    const present = emotions.filter(({ name }) => counts.some((one) => one.seconds.has(name)));
    summary.replaceChildren(make("table", {}, [
      make("caption", { text: "Time by emotion, share of speech" }),
      make("thead", {}, [make("tr", {}, head.map((text, at) => make("th", { scope: "col", className: at ? "number" : "" }, [quote(text, "who")])))]),
      make("tbody", {}, [
        ...present.map((emotion) => row([makeSwatch(emotion), emotion.name], counts.map((one) => share(one.seconds.get(emotion.name) ?? 0, one)))),
        row(["of it uncertain"], counts.map((one) => share(one.uncertain, one)), "sum"),
        row([this.#hasSpeakers ? "speech alone" : "all speech"], counts.map((one) => [one.speech, null]), "sum"),
        ...(counts.some((one) => one.shared) ? [row([SEVERAL], counts.map((one) => [one.shared, null]), "sum")] : []),
      ]),
    ]));
  }

  #turn(step) {
    this.#page += step;
    this.#fillTable();
  }

  #fillTable() {
    const { segments, pages, previous, range, next } = this.#parts;
    const first = this.#page * ROWS_ON_PAGE;
    const rows = this.#entries.slice(first, first + ROWS_ON_PAGE);
    pages.hidden = this.#entries.length <= ROWS_ON_PAGE;
    disable([previous, first === 0], [next, first + ROWS_ON_PAGE >= this.#entries.length]);
    range.textContent = `${first + 1}–${first + rows.length} of ${this.#entries.length}`;
    const speech = this.#hasText ? ["Words"] : this.#hasSpeakers ? ["Speaker"] : [];
    const head = ["Time", ...(this.#data.lanes.length > 1 ? ["Channel"] : []), ...speech, "Emotion", "Confidence"];
    segments.classList.toggle("wide", head.length > 3);
    segments.replaceChildren(make("table", {}, [
      make("caption", { text: rows.length ? "Segments" : "Segments: none" }),
      make("thead", {}, [make("tr", {}, head.map((text) => make("th", { scope: "col", text })))]),
      make("tbody", {}, rows.map((row) => this.#makeRow(row))),
    ]));
    this.#markRow();
  }

  get #hasText() { return this.#entries.some((entry) => this.#part(entry).text); }

  #makeRow(position) {
    const isOverlap = position.overlap !== undefined;
    const part = this.#part(position);
    const times = [part.start_seconds, part.end_seconds].map((one) => formatTime(one));
    const button = make("button", { type: "button", text: times.join(" – ") });
    button.setAttribute("aria-label", `${this.#url ? "Play" : "Show"} ${times.join(" to ")}`);
    button.addEventListener("click", () => {
      if (!isOverlap) this.#select(position);
      this.#reveal(position);
      this.#hear(position);
    });
    const trust = make("td", { text: isOverlap ? "" : this.#trust(part) });
    const lane = this.#data.lanes.length > 1 ? [make("td", { text: this.#data.lanes[position.lane].name })] : [];
    const emotion = isOverlap ? make("td", { text: SEVERAL }) : this.#makeEmotionCell(position, trust);
    return make("tr", {}, [make("td", {}, [button]), ...lane, ...this.#makeWordsCell(part), emotion, trust]);
  }

  /** Cell of the speaker and the words, where there are any in the recording. */
  #makeWordsCell({ speaker, speakers = [speaker ?? []].flat(), text }) {
    if (!this.#hasText && !this.#hasSpeakers) return [];
    const names = speakers.flatMap((name, at) => [at ? ", " : "", quote(name, "who")]);
    const words = text ? [quote(text, "said")] : [];
    return [make("td", { className: "words" }, [...names, ...words])];
  }

  #makeEmotionCell(position, trust) {
    const segment = this.#segment(position);
    const cell = make("td", { className: "emotion" });
    const show = (...rest) => cell.replaceChildren(makeSwatch(this.#emotion(segment.emotion)), ...rest);
    if (!this.#editable) {
      show(segment.emotion);
      return cell;
    }
    const select = make("select", {}, this.#data.emotions.map(({ name }) => make("option", { text: name, value: name })));
    select.value = segment.emotion;
    select.setAttribute("aria-label", `Emotion from ${formatTime(segment.start_seconds)} to ${formatTime(segment.end_seconds)}`);
    select.addEventListener("change", () => {
      this.#correct(position, select.value);
      cell.firstChild.replaceWith(makeSwatch(this.#emotion(segment.emotion)));
      trust.textContent = this.#trust(segment);
    });
    show(select);
    return cell;
  }

  #markRow() {
    const rows = this.#parts.segments?.querySelectorAll("tbody tr") ?? [];
    const marked = this.#selected ? this.#rowOf(this.#selected) - this.#page * ROWS_ON_PAGE : -1;
    rows.forEach((row, number) => (number === marked ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current")));
  }

  // Drawing

  #plan() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { scroller, axis, note } = this.#parts;
    if (!scroller?.clientWidth) return;
    const style = getComputedStyle(this);
    const colors = Object.fromEntries(["ink", "muted", "line", "paper", "accent", "wave", "edge", "tint"].map((name) => [name, style.getPropertyValue(`--${name}`).trim() || "gray"]));
    const scale = Math.min(devicePixelRatio || 1, 3);
    this.#patterns.clear();
    const density = this.#density();
    const bucket = this.#isNarrow(density) ? STEPS.find((step) => step * density >= BUCKET_WIDTH) ?? 86400 : 0;
    const full = this.#isNarrow(density / this.#zoom) ? SHARES_HEIGHT : STRIP_HEIGHT;
    const context = { full, top: this.#waveHeight() + 2, colors, scale, density, bucket, width: scroller.clientWidth, left: scroller.scrollLeft / density, font: style.fontFamily };
    this.#tracks.forEach((track, number) => this.#drawTrack(track, number, context));
    this.#drawAxis(axis, context);
    const hint = this.#data.lanes.some(({ segments }) => segments.some((one) => one.uncertain)) ? "Half height and pale: uncertain. " : "";
    const shares = bucket ? `Bars show the share of each emotion in stretches of ${formatStep(bucket)}. Zoom in to see segments. ` : "";
    const several = this.#data.lanes.some(({ overlaps = [] }) => overlaps.length) ? `Crossed lines: ${SEVERAL}, so no emotion. ` : "";
    const text = shares + (bucket ? hint.replace("Half height and pale", "Pale") : hint) + several;
    if (note.textContent !== text) note.textContent = text;
    this.#movePlayhead();
  }

  #isNarrow(density) {
    const lengths = this.#rows.map((row) => this.#segment(row)).map((one) => one.end_seconds - one.start_seconds);
    lengths.sort((one, other) => one - other);
    return lengths.length > 0 && lengths[lengths.length >> 1] * density < NARROW;
  }

  #pen(canvas, width, height, scale) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    return pen;
  }

  #pattern(pen, name, scale) {
    if (!this.#patterns.has(name)) {
      const pattern = pen.createPattern(drawTile(this.#emotion(name), scale), "repeat");
      pattern.setTransform(new DOMMatrix().scale(1 / scale));
      this.#patterns.set(name, pattern);
    }
    return this.#patterns.get(name);
  }

  #drawTrack(track, number, whole) {
    const { width, density, left, colors, scale, bucket, full } = whole;
    const { segments, overlaps, lane, hasWave, wave } = track;
    const top = hasWave && !wave ? whole.top : 0;
    const context = { ...whole, top };
    const pen = this.#pen(track.canvas, width, top + full, scale);
    const right = left + width / density;
    const toX = (seconds) => (seconds - left) * density;
    const selected = this.#selected?.lane === lane ? this.#segment(this.#selected) : null;
    const marked = selected && this.#trackOf(this.#selected) === number ? selected : null;
    if (hasWave) {
      const height = whole.top - 2;
      const brush = wave ? this.#pen(wave, width, height, scale) : pen;
      if (selected) {
        brush.fillStyle = colors.tint;
        brush.fillRect(toX(selected.start_seconds), 0, Math.max((selected.end_seconds - selected.start_seconds) * density, 2), height);
      }
      this.#drawWave(brush, this.#data.lanes[lane], height, context);
    }
    pen.fillStyle = colors.tint;
    pen.fillRect(0, top, width, full);
    if (bucket) this.#drawShares(pen, segments, context);
    else {
      for (let at = Math.max(findLast(segments, left), 0); at < segments.length && segments[at].start_seconds < right; at += 1) {
        this.#drawSegment(pen, segments[at], context);
      }
    }
    overlaps.forEach((one) => this.#drawOverlap(pen, one, context));
    const hovered = this.#hovered?.lane === lane ? this.#part(this.#hovered) : null;
    const pointed = segments.includes(hovered) || overlaps.includes(hovered) ? hovered : null;
    for (const [part, color, line] of [[pointed, colors.ink, 1], [marked, colors.accent, 2]]) {
      if (!part) continue;
      pen.strokeStyle = color;
      pen.lineWidth = line;
      const x = toX(part.start_seconds);
      pen.strokeRect(x + line / 2, top + line / 2, Math.max(toX(part.end_seconds) - x - line, 2), full - line);
    }
  }

  #drawWave(pen, { low, high }, height, { width, density, left, colors }) {
    const rate = low.length / this.#data.seconds;
    const middle = height / 2;
    pen.fillStyle = colors.wave;
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor((left + x / density) * rate);
      const to = Math.max(from + 1, Math.floor((left + (x + 1) / density) * rate));
      if (from >= low.length) break;
      let bottom = 127;
      let top = -127;
      for (let at = from; at < Math.min(to, low.length); at += 1) {
        bottom = Math.min(bottom, low[at]);
        top = Math.max(top, high[at]);
      }
      const reach = (middle - 1) / 127;
      pen.fillRect(x, middle - top * reach, 1, Math.max((top - bottom) * reach, 1));
    }
  }

  #drawSegment(pen, segment, { density, left, scale, colors, font, width, full, top }) {
    const start = (segment.start_seconds - left) * density;
    const end = (segment.end_seconds - left) * density;
    const isPale = segment.uncertain && segment.model_emotion == null;
    const height = isPale ? full / 2 : full;
    const floor = top + full;
    const gap = end - start > 4 ? 1 : 0;
    pen.globalAlpha = isPale ? 0.6 : 1;
    pen.fillStyle = this.#pattern(pen, segment.emotion, scale);
    pen.fillRect(start, floor - height, Math.max(end - start - gap, 1), height);
    pen.globalAlpha = 1;
    const visible = [Math.max(start, 0), Math.min(end, width)];
    pen.font = `12px ${font}`;
    const label = pen.measureText(segment.emotion).width;
    if (visible[1] - visible[0] < label + 16) return;
    const x = (visible[0] + visible[1]) / 2;
    const y = isPale ? floor - full * 0.75 : floor - full / 2;
    if (!isPale) {
      pen.fillStyle = colors.paper;
      pen.beginPath();
      pen.roundRect(x - label / 2 - 4, y - 9, label + 8, 18, 3);
      pen.fill();
    }
    pen.fillStyle = colors.ink;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(segment.emotion, x, y + 0.5);
  }

  /** Crossed lines where several speak; their name where it fits. */
  #drawOverlap(pen, overlap, { density, left, scale, colors, font, width, full, top }) {
    const start = Math.max((overlap.start_seconds - left) * density, -1);
    const end = Math.min((overlap.end_seconds - left) * density, width + 1);
    if (end <= start) return;
    const length = Math.max(end - start, 1);
    const pattern = pen.createPattern(drawTile({ color: colors.paper, pattern: "x" }, scale), "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / scale));
    pen.fillStyle = pattern;
    pen.fillRect(start, top, length, full);
    pen.strokeStyle = colors.edge;
    pen.lineWidth = 1;
    pen.strokeRect(start + 0.5, top + 0.5, Math.max(length - 1, 1), full - 1);
    pen.font = `12px ${font}`;
    const label = pen.measureText(SEVERAL).width;
    if (length < label + 16) return;
    const [x, y] = [(start + end) / 2, top + full / 2];
    pen.fillStyle = colors.paper;
    pen.fillRect(x - label / 2 - 4, y - 9, label + 8, 18);
    pen.fillStyle = colors.ink;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(SEVERAL, x, y + 0.5);
  }

  /** Share of each emotion in even stretches of time; what is uncertain is pale. */
  #drawShares(pen, segments, { density, left, scale, bucket, width, full, top }) {
    const first = Math.floor(left / bucket);
    const last = Math.min(Math.ceil((left + width / density) / bucket), Math.ceil(this.#data.seconds / bucket));
    let at = Math.max(findLast(segments, first * bucket), 0);
    for (let number = first; number < last; number += 1) {
      const [start, end] = [number * bucket, Math.min((number + 1) * bucket, this.#data.seconds)];
      const seconds = new Map();
      for (; at < segments.length && segments[at].start_seconds < end; at += 1) {
        const one = segments[at];
        const length = Math.min(one.end_seconds, end) - Math.max(one.start_seconds, start);
        const isPale = one.uncertain && one.model_emotion == null;
        const key = `${isPale ? 1 : 0}${one.emotion}`;
        if (length > 0) seconds.set(key, (seconds.get(key) ?? 0) + length);
        if (one.end_seconds > end) break;
      }
      let floor = top + full;
      const x = (start - left) * density;
      for (const { name } of this.#data.emotions) {
        for (const key of [`0${name}`, `1${name}`]) {
          if (!seconds.has(key)) continue;
          const height = (full * seconds.get(key)) / (end - start);
          pen.globalAlpha = key[0] === "1" ? 0.5 : 1;
          pen.fillStyle = this.#pattern(pen, name, scale);
          pen.fillRect(x, floor - height, Math.max((end - start) * density - 1, 1), height);
          floor -= height;
        }
      }
      pen.globalAlpha = 1;
    }
  }

  #drawAxis(canvas, { width, density, left, scale, colors, font }) {
    const pen = this.#pen(canvas, width, AXIS_HEIGHT, scale);
    const step = STEPS.find((one) => one * density >= 72) ?? 28800;
    pen.font = `12px ${font}`;
    pen.textBaseline = "top";
    pen.strokeStyle = colors.edge;
    for (let number = Math.ceil(left / step); number * step <= Math.min(left + width / density, this.#data.seconds); number += 1) {
      const x = Math.round((number * step - left) * density) + 0.5;
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, 5);
      pen.stroke();
      const text = formatTime(number * step, step < 1 ? 1 : 0);
      const half = pen.measureText(text).width / 2;
      pen.fillStyle = colors.muted;
      pen.textAlign = "center";
      pen.fillText(text, Math.min(Math.max(x, half), width - half), 8);
    }
  }
}

customElements.define("voxaffect-recording", VoxaffectRecording);
