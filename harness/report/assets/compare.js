// What differs from the baseline: all models in one table, or two models side by side.
const COMPARED = ["params", "kv", "decode"];

function startCompare() {
  const option = (value, text) => make("option", { value }, text);
  const groups = () => report.families.map((family) => make("optgroup", { label: family },
    [...report.models.values()].filter((model) => model.family === family).map((model) => option(model.name, model.title))));
  $("baseline").append(...groups());
  $("other").append(option("all", "all models"), option("chosen", "the models in the figures"), ...groups());
  $("baseline").addEventListener("change", (event) => { chosen.baseline = event.target.value; changed(); });
  $("other").addEventListener("change", (event) => { chosen.other = event.target.value; changed(); });
  $("only").addEventListener("change", (event) => { chosen.only = event.target.checked; drawCompare(); });
  onChange(drawCompare);
}

function drawCompare() {
  $("baseline").value = chosen.baseline;
  $("other").value = chosen.other;
  const pair = report.models.has(chosen.other);
  $("only-row").hidden = !pair;
  const baseline = report.models.get(chosen.baseline);
  $("compare-table").replaceChildren(...(pair ? sideBySide(baseline, report.models.get(chosen.other)) : againstMany(baseline)));
}

/** [key, of the first, of the second] of every option; null where a model has no such option. */
function options(a, b) {
  const keys = [...new Set([...Object.keys(a.options), ...Object.keys(b.options)])];
  return keys.map((key) => [key, a.options[key] ?? null, b.options[key] ?? null]);
}

/** What differs; an option of a kind that the other model has not goes without saying if it stands at its default. */
function differences(a, b) {
  const gone = (key, now) => now === null && b.options[key.replace(/\.[^.]*$/, "")] !== a.options[key.replace(/\.[^.]*$/, "")];
  return options(a, b).filter(([key, old, now]) => old !== now && !gone(key, now) && !usual(key, old, now, a, b));
}

/** Whether one model has no such option and the other has not changed it. */
const usual = (key, old, now, a, b) => (old === null && b.defaults.includes(key)) || (now === null && a.defaults.includes(key));

/** A figure over the baseline's: "=", "×0.25", or with as many digits as it takes to show that they differ. */
function ratio(old, now) {
  if (!old || !now) return "n/a";
  if (old[1] === now[1]) return "=";
  if (!old[2]) return "–";
  const value = now[2] / old[2];
  for (let digits = 3; digits < 12; digits++) if (Number(value.toPrecision(digits)) !== 1) return `×${plain(value.toPrecision(digits))}`;
  return "×1";
}

const plain = (text) => (text.includes("e") ? String(Number(text)) : text);

function againstMany(baseline) {
  const others = (chosen.other === "chosen" ? shownModels() : [...report.models.values()]).filter((model) => model !== baseline);
  const rows = others.map((model) => [model, differences(baseline, model)]).sort(([, a], [, b]) => a.length - b.length);
  const head = make("tr", {}, make("th", { scope: "col" }, "model"),
    COMPARED.map((key) => make("th", { scope: "col", class: "n" }, report.labels[key])),
    make("th", { scope: "col" }, `choices and sizes, ${baseline.title} → model`));
  return [
    make("caption", { class: "hidden" }, `What differs from ${baseline.title}`),
    make("thead", {}, head),
    make("tbody", {}, rows.map(([model, changes]) => make("tr", {},
      make("th", { scope: "row" }, sheetButton(model)),
      COMPARED.map((key) => ratioCell(baseline, model, key)),
      make("td", { class: "diff" }, changes.length ? changes.map(change) : make("span", { class: "same" }, "the same architecture"))))),
  ];
}

function sheetButton(model) {
  return make("button", { type: "button", class: "open", onclick: () => openSheet(model.name) }, model.title);
}

function ratioCell(baseline, model, key) {
  const [old, now] = [baseline.figures[key], model.figures[key]];
  const title = old && now ? `${old[1]} → ${now[1]}` : "not available: see Failed or missing";
  return make("td", { class: old && now ? "n" : "n na", title }, ratio(old, now));
}

function change([key, old, now]) {
  return make("span", { class: "change" }, make("span", {}, [key, old, "→ "].filter((text) => text !== null).join(" ")), now ?? "none");
}

function sideBySide(a, b) {
  const heading = (model) => make("th", { scope: "col", class: "n" }, sheetButton(model));
  const sizes = [...Object.entries(report.labels).map(([key, label]) => [label, a.figures[key]?.[1] ?? "n/a", b.figures[key]?.[1] ?? "n/a", ratio(a.figures[key], b.figures[key])]),
    ...parts(a, b)];
  const rows = [
    ...[["family", a.family, b.family], ["known by", a.provenance, b.provenance], ["released", a.released || "–", b.released || "–"]].map((row) => [...row, ""]),
    ...options(a, b).filter(([key, old, now]) => !usual(key, old, now, a, b)).map(([key, old, now]) => [key, old ?? "–", now ?? "–", ""]),
    ...sizes,
  ].filter(([, old, now]) => !chosen.only || old !== now);
  return [
    make("caption", { class: "hidden" }, `${a.title} and ${b.title}, side by side`),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "choice, size or figure"), heading(a), heading(b), make("th", { scope: "col", class: "n" }, "ratio"))),
    make("tbody", {}, rows.length ? rows.map(([key, old, now, times]) => make("tr", { class: old !== now && "differs" },
      make("th", { scope: "row" }, key), make("td", { class: "n" }, old), make("td", { class: "n" }, now), make("td", { class: "n" }, times)))
      : make("tr", {}, make("td", { colspan: 4 }, "Nothing differs."))),
  ];
}

/** The parts of the parameters of two models, as rows. */
function parts(a, b) {
  if (!a.params || !b.params) return [];
  return a.params.breakdown.map(([part, size], index) => {
    const other = b.params.breakdown[index][1];
    const number = (text) => Number(text.replaceAll(",", ""));
    return [`parameters: ${part}`, size, other, ratio([size, size, number(size)], [other, other, number(other)])];
  });
}
