// The fact sheet of one model, in a dialog.
function openSheet(name) {
  const model = report.models.get(name);
  const dialog = $("sheet");
  dialog.replaceChildren(
    make("div", { class: "sheet-head" },
      make("div", {}, make("h2", { id: "sheet-title" }, model.title),
        make("p", {}, [model.name, model.family, model.provenance + (model.released ? ` ${model.released}` : "")].join(" · "))),
      make("button", { type: "button", onclick: () => dialog.close(), "aria-label": "Close" }, "✕")),
    make("div", { class: "sheet-body" }, sheetBody(model, dialog)));
  dialog.showModal();
  dialog.scrollTop = 0;
}

function sheetBody(model, dialog) {
  const act = (text, action) => make("button", { type: "button", onclick: () => { action(); dialog.close(); changed(); } }, text);
  return [
    make("div", { class: "sheet-actions" },
      model.name !== chosen.baseline && act("Make it the baseline", () => { chosen.baseline = model.name; }),
      model.name !== chosen.baseline && act("Compare with the baseline", () => { chosen.other = model.name; $("compare").scrollIntoView(); }),
      model.name !== chosen.baseline && act(chosen.models.has(model.name) ? "Take out of the figures" : "Show in the figures", () => toggleModel(model.name))),
    model.about && make("p", {}, model.about),
    make("p", {}, make("em", {}, model.provenance), `: ${report.provenances[model.provenance] ?? ""}.`,
      model.same.length ? ` The same architecture as ${model.same.join(", ")}.` : ""),
    ...Object.entries(model.missing).map(([metric, reason]) => make("p", { class: "na" }, `No result of ${metric}: ${reason}`)),
    make("div", { class: "sheet-grid" },
      make("div", {}, make("div", { class: "blocks" }, drawBlocks([model])), choicesPart(model), layersPart(model), textPart("Training", model.training), sourcesPart(model)),
      make("div", {}, paramsPart(model), stepsPart(model), cachePart(model), claimsPart(model))),
    checksPart(model),
  ].filter(Boolean);
}

/** A heading with a table: rows of [label, ...cells]; a cell is text or an element. */
function part(title, head, rows) {
  if (!rows.length) return null;
  return make("div", {}, make("h3", {}, title), make("div", { class: "fit" }, make("table", {},
    head && make("thead", {}, make("tr", {}, head.map((text, index) => make("th", { scope: "col", class: index > 0 && "n" }, text)))),
    make("tbody", {}, rows.map(([label, ...cells]) => make("tr", {}, make("th", { scope: "row" }, label),
      cells.map((cell) => (cell instanceof Element && cell.tagName === "TD" ? cell : make("td", { class: "n" }, cell)))))))));
}

const choicesPart = (model) => part("Choices and sizes", null, Object.entries(model.options));

function layersPart(model) {
  return model.blocks.length > 1 ? part("Blocks", ["block", "layers"], model.blocks.map(([block, count]) => [block, String(count)])) : null;
}

function textPart(title, lines) {
  return lines.length ? make("div", {}, make("h3", {}, title), make("ol", { class: "prose" }, lines.map((line) => make("li", {}, line)))) : null;
}

function sourcesPart(model) {
  return model.sources.length ? make("div", {}, make("h3", {}, "Sources"),
    make("ul", { class: "prose" }, model.sources.map(([title, url]) => make("li", {}, link(title, url))))) : null;
}

function paramsPart(model) {
  if (!model.params) return null;
  const meter = (share) => make("td", { class: "meter", title: `${(share * 100).toFixed(2)} %` }, bar(share));
  const rows = model.params.breakdown.map(([name, size, share]) => [name, size, meter(share)]);
  const beside = model.params.mtp ? [["beside these, for multi-token prediction", model.params.mtp, make("td")]] : [];
  const layers = model.params.layers.flatMap(([block, count, sizes]) => sizes.map(([name, size]) => [`${block} (× ${count}): ${name}`, size]));
  return make("div", {}, part("Parameters", null, [...rows, ["total", model.params.total, make("td")], ["used by a token", model.figures.active[1], make("td")], ["non-embedding", model.figures.non_embedding[1], make("td")], ...beside]),
    part("Parameters of one layer", null, layers));
}

function bar(share) {
  const element = make("div", { class: "bar" });
  element.style.width = `${share * 100}%`;
  return element;
}

const stepsPart = (model) => part(`FLOPs of one step at ${grouped(model.maxLength)} tokens`, ["phase", "all pairs (full)", "visible pairs (causal)"], model.steps);

function cachePart(model) {
  if (!model.cache) return null;
  return make("div", {}, part("KV cache, bytes a token", null, model.cache.perToken),
    part("Longest context beside the weights", ["memory, weights", "tokens"], model.cache.contexts.map(([gb, weights, tokens]) => [`${gb} GB, ${weights}`, tokens])));
}

function claimsPart(model) {
  const rows = report.claims.filter((claim) => claim.name === model.name).map((claim) => [
    make("span", {}, `${claim.metric}, `, link(claim.source, claim.url), `, ${claim.at}`), claim.published, claim.computed,
    make("td", {}, make("span", { class: `verdict ${claim.agrees ? "agrees" : "differs"}` }, `${claim.agrees ? "agrees" : "differs"}, ${claim.relative}`))]);
  return part("Published figures", ["figure and source", "published", "computed", "verdict"], rows);
}

const checksPart = (model) => part("Checks made: closed form = count, to the last digit", ["figure", "held against", "both"], model.checks);
