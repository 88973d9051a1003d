// Shared by all parts: the data, the reader's choices, and making elements. Data only ever becomes text, never markup.
const $ = (id) => document.getElementById(id);

/** An element: make("td", {class: "n"}, "text", child). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return element;
}

/** A link if the address is one of the web, else the text alone. */
function link(text, url) {
  return /^https?:\/\//i.test(url) ? make("a", { href: url, rel: "noopener noreferrer" }, text) : text;
}

/** The text that an element holds as LZMA in base 94: how many bytes it has, a colon, and of the LZMA 9 bytes in 11 characters. */
async function unpack(id) {
  await new Promise((done) => setTimeout(done)); // what is there already is shown first
  const packed = $(id).textContent;
  const start = packed.indexOf(":") + 1;
  const bytes = new Uint8Array(Math.ceil((packed.length - start) / 11) * 9);
  for (let from = start, to = 0; from < packed.length; from += 11, to += 9) {
    // The 72 bits of a block, in three numbers of 24.
    let [high, middle, low] = [0, 0, 0];
    for (let i = from; i < from + 11; i++) {
      const code = packed.charCodeAt(i);
      low = low * 94 + code - (code > 60 ? 33 : 32);
      middle = middle * 94 + Math.floor(low / 16777216);
      high = high * 94 + Math.floor(middle / 16777216);
      low %= 16777216;
      middle %= 16777216;
    }
    [high, middle, low].forEach((word, index) => {
      bytes[to + 3 * index] = word >> 16;
      bytes[to + 3 * index + 1] = word >> 8;
      bytes[to + 3 * index + 2] = word;
    });
  }
  return new TextDecoder().decode(decompress(bytes, parseInt(packed, 10)));
}

/** What the report holds: models by name, and what goes for all of them. Filled by start(). */
const report = { models: new Map(), figures: {}, labels: {}, claims: [], families: [], palette: [] };

/** What the reader chose; kept in the address, so that it can be shared. */
const chosen = { baseline: "", other: "all", models: new Set(), bars: "share", only: true };

const listeners = [];
/** Have a function called after each change of the choices. */
function onChange(listener) { listeners.push(listener); }

function changed() {
  writeAddress();
  for (const listener of listeners) listener();
}

/** The models that figures show: those chosen and the baseline, in order of the report. */
function shownModels() {
  return [...report.models.values()].filter((model) => chosen.models.has(model.name) || model.name === chosen.baseline);
}

function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  if (report.models.has(state.get("baseline"))) chosen.baseline = state.get("baseline");
  const against = state.get("against");
  if (report.models.has(against) || against === "chosen") chosen.other = against;
  if (state.has("models")) chosen.models = new Set(state.get("models").split(",").filter((name) => report.models.has(name)));
  if (state.get("bars") === "absolute") chosen.bars = "absolute";
}

function writeAddress() {
  const state = new URLSearchParams({ baseline: chosen.baseline, against: chosen.other, models: [...chosen.models].join(","), bars: chosen.bars });
  try { history.replaceState(null, "", `#${state}`); } catch { /* some viewers forbid it: the address stays */ }
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function startTheme() {
  const button = $("theme");
  const tell = () => button.setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark");
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("harness-theme", theme); } catch { /* not remembered */ }
    tell();
    drawAll();
  });
  let before;
  addEventListener("beforeprint", () => { before = document.documentElement.dataset.theme; document.documentElement.dataset.theme = "light"; drawAll(); });
  addEventListener("afterprint", () => {
    if (before) document.documentElement.dataset.theme = before; else delete document.documentElement.dataset.theme;
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { tell(); drawAll(); });
  tell();
}

const SYMBOLS = [["circle", "●"], ["square", "■"], ["diamond", "◆"], ["triangle-up", "▲"], ["star", "★"], ["triangle-down", "▼"], ["pentagon", "⬟"], ["hexagon", "⬢"]];

/** The colour of a family in this theme. */
function familyColour(family) {
  const index = Math.max(report.families.indexOf(family), 0) % report.palette.length;
  return report.palette[index][isDark() ? 1 : 0];
}

/** Colour by family and symbol by order within it, of each shown model. */
function looks() {
  const seen = new Map();
  return new Map(shownModels().map((model) => {
    const index = seen.get(model.family) ?? 0;
    seen.set(model.family, index + 1);
    const [symbol, sign] = SYMBOLS[index % SYMBOLS.length];
    return [model.name, { colour: familyColour(model.family), symbol, sign }];
  }));
}
