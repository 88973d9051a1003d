// What a model costs for the context, the batch and the number formats that the reader chose, from its exact figures.
const BAR = ["context", "batch", "cacheType", "weights", "device"];
const BITS = { fp32: 32n, fp16: 16n, bf16: 16n, int8: 8n, int4: 4n };
const COUNTS = [["", "K", "M", "B", "T"], "", 1000];
const FLOPS = [["", " k", " M", " G", " T", " P", " E"], "", 1000];
const BYTES = [["B", "KiB", "MiB", "GiB", "TiB", "PiB"], " ", 1024];

/** Three digits and a unit: 512 KiB. */
function brief(value, [units, gap, step]) {
  let [number, power] = [Number(value), 0];
  while (power < units.length - 1 && Number(number.toPrecision(3)) >= 1000) { number /= step; power += 1; }
  const text = power || !Number.isInteger(number) ? number.toPrecision(3) : String(number);
  return `${plain(text)}${gap}${units[power]}`;
}

const grouped = (value) => value.toLocaleString("en");
/** A figure as the tables take it: short text, exact text, number for ratios. */
const figure = (value, units) => [brief(value, units), grouped(value), Number(value)];

/** The context at which a model is shown: what was chosen, or its own longest; 0 if it is not made for as many tokens. */
function lengthOf(model) {
  if (chosen.context === 0) return model.maxLength;
  return chosen.context <= model.maxLength && model.costs[chosen.context] ? chosen.context : 0;
}

/** The longest context up to the chosen one for which all of some models are made. */
function lengthForAll(models) {
  const own = models.map((model) => Object.keys(model.costs).map(Number));
  const both = own[0].filter((n) => own.every((lengths) => lengths.includes(n)) && (chosen.context === 0 || n <= chosen.context));
  return both.length ? Math.max(...both) : 0;
}

/** Bytes that a whole batch keeps of n tokens in a number format, or null. What does not grow is stored for each format. */
function cacheBytes(model, n, type = chosen.cacheType, batch = chosen.batch) {
  const fp16 = model.costs[n]?.cache;
  if (fp16 === undefined || !model.cache) return null;
  const numbers = (BigInt(fp16) - BigInt(model.cache.constant.fp16)) / 2n;
  return BigInt(batch) * (BigInt(model.cache.constant[type]) + numbers * BITS[type] / 8n);
}

const weightBytes = (model) => (model.params ? (BigInt(model.params.total.replaceAll(",", "")) * BITS[chosen.weights] + 7n) / 8n : null);

/** FLOPs a token at n; a quotient that is not whole is rounded. */
function flopsPerToken(model, phase, n) {
  const step = model.costs[n]?.[phase];
  if (step === undefined) return null;
  const tokens = phase === "decode" ? 1n : BigInt(n);
  return (BigInt(step) + tokens / 2n) / tokens;
}

/** What depends on the bar, by the column of the table. */
const DRIVEN = {
  cache: (model, n) => [cacheBytes(model, n), BYTES],
  weights: (model) => [weightBytes(model), BYTES],
  memory: (model, n) => [sum(weightBytes(model), cacheBytes(model, n)), BYTES],
  decode: (model, n) => [flopsPerToken(model, "decode", n), FLOPS],
  prefill: (model, n) => [flopsPerToken(model, "prefill", n), FLOPS],
  train: (model, n) => [flopsPerToken(model, "train", n), FLOPS],
};
const sum = (a, b) => (a === null || b === null ? null : a + b);

/** A figure of a model at n tokens, or null where it has none. */
function figureAt(model, key, n) {
  if (!DRIVEN[key]) return model.figures[key];
  const [value, units] = DRIVEN[key](model, n);
  return value === null ? null : figure(value, units);
}

/** In words: 2,048 tokens, batch of 1, fp16 cache. */
function settingInWords() {
  const context = chosen.context ? `${grouped(chosen.context)} tokens` : "each model's longest context";
  return `${context}, batch of ${chosen.batch}, ${chosen.cacheType} cache`;
}

function startBar() {
  const lengths = [...new Set([...report.models.values()].flatMap((model) => Object.keys(model.costs).map(Number)))];
  const powers = lengths.filter((n) => Number.isInteger(Math.log2(n)) || n === chosen.context).sort((a, b) => a - b);
  $("context").append(...powers.map((n) => make("option", { value: n }, grouped(n))), make("option", { value: 0 }, "each its longest"));
  const memories = [...new Set([...report.models.values()].flatMap((model) => (model.cache?.contexts ?? []).map(([gb]) => gb)))];
  $("device").append(...memories.map((gb) => make("option", { value: gb }, `${gb} GB`)));
  for (const key of BAR) {
    $(key).addEventListener("change", () => { chosen[key] = typeof chosen[key] === "number" ? Number($(key).value) : $(key).value; changed(); });
  }
  onChange(drawBar);
}

function drawBar() {
  for (const key of BAR) $(key).value = chosen[key];
  $("copy").textContent = "Copy link";
}

function startCopy() {
  $("copy").addEventListener("click", async () => {
    location.hash = "compare";
    changed();
    try { await navigator.clipboard.writeText(location.href); $("copy").textContent = "Copied"; } catch { prompt("The link", location.href); }
  });
}
