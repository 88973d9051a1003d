// What differs from the baseline: all models in one table, or two models side by side.
const COMPARED = ["params", "cache", "decode"];

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
  const baseline = report.models.get(chosen.baseline);
  const others = report.models.has(chosen.other) ? [report.models.get(chosen.other)]
    : (chosen.other === "chosen" ? shownModels() : [...report.models.values()]).filter((model) => model !== baseline);
  const few = chosen.other !== "all" && others.length > 0 && others.length <= 3;
  $("only-row").hidden = !few;
  $("compared-at").textContent = settingInWords();
  $("compare-blocks").replaceChildren(...(few ? drawBlocks([baseline, ...others], new Set(others.flatMap((model) => differences(baseline, model).map(([key]) => key.split(".")[0])))) : []));
  $("compare-table").replaceChildren(...(few ? sideBySide([baseline, ...others]) : againstMany(baseline, others)));
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

function againstMany(baseline, others) {
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
  const length = lengthForAll([baseline, model]);
  const [old, now] = [baseline, model].map((each) => figureAt(each, key, length));
  const title = old && now ? `${old[1]} → ${now[1]}` : "not available: see Failed or missing";
  const shorter = DRIVEN[key] && old && now && length !== chosen.context && make("small", {}, ` at ${grouped(length)}`);
  return make("td", { class: old && now ? "n" : "n na", title }, ratio(old, now), shorter);
}

function change([key, old, now]) {
  return make("span", { class: "change" }, make("span", {}, [key, old, "→ "].filter((text) => text !== null).join(" ")), now ?? "none");
}

/** Sizes, choices and figures of a few models, each with the ratio to the first. */
function sideBySide(models) {
  const [first, ...others] = models;
  const length = lengthForAll(models);
  const figures = Object.entries(report.labels).map(([key, label]) => [label, models.map((model) => figureAt(model, key, length))]);
  const sizes = [...figures, ...parts(models)].map(([label, found]) => [label, found.map((each) => each?.[1] ?? "n/a"), found.slice(1).map((each) => ratio(found[0], each))]);
  const facts = [["family", "family"], ["known by", "provenance"], ["released", "released"]].map(([label, key]) => [label, models.map((model) => model[key] || "–")]);
  const keys = [...new Set(models.flatMap((model) => Object.keys(model.options)))].filter((key) => models.some((model) => key in model.options && !model.defaults.includes(key)) || models.every((model) => key in model.options));
  const choices = keys.map((key) => [key, models.map((model) => model.options[key] ?? "–")]);
  const rows = [...facts, ...choices, ...sizes].filter(([, values]) => !chosen.only || new Set(values).size > 1);
  const heading = (model) => make("th", { scope: "col", class: "n" }, sheetButton(model));
  return [
    make("caption", {}, `${models.map((model) => model.title).join(" and ")}, side by side at ${grouped(length)} tokens, batch of ${chosen.batch}, ${chosen.cacheType} cache, ${chosen.weights} weights`),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "choice, size or figure"), heading(first),
      others.flatMap((model) => [heading(model), make("th", { scope: "col", class: "n" }, "ratio")]))),
    make("tbody", {}, rows.length ? rows.map(([key, values, ratios]) => make("tr", { class: new Set(values).size > 1 && "differs" },
      make("th", { scope: "row" }, key), values.flatMap((value, index) => [make("td", { class: "n" }, value), index > 0 && make("td", { class: "n" }, ratios?.[index - 1] ?? "")])))
      : make("tr", {}, make("td", { colspan: 2 * models.length }, "Nothing differs."))),
  ];
}

/** The parts of the parameters, as [label, figures]. */
function parts(models) {
  if (models.some((model) => !model.params)) return [];
  const number = (text) => Number(text.replaceAll(",", ""));
  return models[0].params.breakdown.map(([part], index) => [`parameters: ${part}`, models.map((model) => model.params.breakdown[index][1]).map((size) => [size, size, number(size)])]);
}
