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
const chosen = { baseline: "", other: "all", models: new Set(), bars: "share", only: true, context: 0, batch: 1, cacheType: "fp16", weights: "fp16", device: 0 };

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

const known = (names) => names.split(",").filter((name) => report.models.has(name));

/** `?a=…&b=…#compare`: the choices stand before the section. `#compare=a,b` is a short way to write it. */
function readAddress() {
  const short = location.hash.match(/^#compare=([^,]*),(.+)$/);
  const state = new URLSearchParams(short ? { a: decodeURIComponent(short[1]), b: decodeURIComponent(short[2]) } : location.search);
  if (report.models.has(state.get("a"))) chosen.baseline = state.get("a");
  if (state.has("models")) chosen.models = new Set(known(state.get("models")));
  const others = known(state.get("b") ?? "");
  if (state.get("b") === "chosen" || others.length === 1) chosen.other = state.get("b");
  else if (others.length > 1) Object.assign(chosen, { other: "chosen", models: new Set(others) });
  if (state.get("bars") === "absolute") chosen.bars = "absolute";
  for (const key of BAR) {
    const options = [...$(key).options].map((option) => option.value);
    if (options.includes(state.get(key))) chosen[key] = typeof chosen[key] === "number" ? Number(state.get(key)) : state.get(key);
  }
  return short ? "compare" : location.hash.slice(1);
}

function writeAddress() {
  const state = { a: chosen.baseline, b: chosen.other, models: [...chosen.models].join(","), bars: chosen.bars };
  const query = new URLSearchParams({ ...state, ...Object.fromEntries(BAR.map((key) => [key, chosen[key]])) });
  const section = location.hash.includes("=") ? "#compare" : location.hash;
  try { history.replaceState(null, "", `?${query}${section}`); } catch { /* some viewers forbid it: the address stays */ }
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

/** Colour and symbol of each model: those in the figures have the first ones, and every figure gives a model the same. */
function looks() {
  const shown = shownModels();
  const others = [...report.models.values()].filter((model) => !shown.includes(model));
  return new Map([...shown, ...others].map((model, index) => {
    const [symbol, sign] = SYMBOLS[(index + Math.floor(index / SYMBOLS.length)) % SYMBOLS.length];
    return [model.name, { colour: report.palette[index % report.palette.length][isDark() ? 1 : 0], symbol, sign, shown: index < shown.length }];
  }));
}
