// The table of models: sorting by headings, filtering, choosing columns, and all digits in place of three.
const columnsShown = new Set();

function startTable() {
  const table = $("models-table");
  const body = table.tBodies[0];
  startSorting(body, [...table.tHead.rows[1].cells]);
  for (const cell of body.querySelectorAll("td.n[title]")) Object.assign(cell.dataset, { exact: cell.title, brief: cell.textContent });
  for (const id of ["find", "family", "provenance"]) $(id).addEventListener("input", () => filter(body));
  $("all-digits").addEventListener("change", () => drawDigits(body));
  $("pinned").addEventListener("change", () => drawPins());
  for (const box of document.querySelectorAll("input[name=columns]")) {
    box.addEventListener("change", () => { if (box.checked) columnsShown.add(box.value); else columnsShown.delete(box.value); drawColumns(table); });
  }
  drawColumns(table);
  filter(body);
}

const headings = () => [...$("models-table").tHead.rows[1].cells];
const columnOf = (key) => headings().findIndex((cell) => cell.dataset.key === key);

/** Hide the groups of columns that were not asked for. */
function drawColumns(table) {
  const hidden = headings().map((cell, index) => [cell.dataset.group, index + 1]).filter(([group]) => group && !columnsShown.has(group) && group !== table.dataset.first);
  $("columns-style").textContent = hidden.length ? `@media screen { ${hidden.map(([, n]) => `#models-table tr:not(.groups) > :nth-child(${n})`).join(",")} { display: none } }` : "";
  for (const cell of table.tHead.rows[0].cells) cell.hidden = Boolean(cell.dataset.group) && !columnsShown.has(cell.dataset.group) && cell.dataset.group !== table.dataset.first;
}

/** What depends on the bar, in the table. */
function drawCosts() {
  const body = $("models-table").tBodies[0];
  const columns = Object.keys(DRIVEN).map((key) => [key, columnOf(key)]);
  for (const row of body.rows) {
    const model = report.models.get(row.dataset.name);
    const length = lengthOf(model);
    for (const [key, column] of columns) {
      const found = figureAt(model, key, length);
      const cell = row.cells[column];
      cell.className = found ? "n" : "na";
      if (!found) { [cell.textContent, cell.title] = whyNone(model, key, length); delete cell.dataset.exact; continue; }
      const tooLarge = key === "memory" && chosen.device && found[2] > chosen.device * 1e9;
      Object.assign(cell.dataset, { exact: found[1], brief: tooLarge ? `${found[0]} ✗` : found[0] });
      if (tooLarge) cell.className = "n na";
    }
  }
  $("costs-of").textContent = settingInWords();
  drawDigits(body);
}

function whyNone(model, key, length) {
  const metric = key === "weights" ? "params" : ["cache", "memory"].includes(key) ? "kv_cache" : "flops";
  const reason = model.missing[metric] || (length ? "not counted at this length" : "");
  return reason ? [`n/a (${reason})`, reason] : [`max. ${grouped(model.maxLength)}`, "not made for as many tokens"];
}

function drawDigits(body) {
  const all = $("all-digits").checked;
  for (const cell of body.querySelectorAll("td[data-exact]")) {
    cell.textContent = all ? cell.dataset.exact : cell.dataset.brief;
    cell.title = all ? cell.dataset.brief : cell.dataset.exact;
  }
}

function startSorting(body, headings) {
  headings.forEach((heading, column) => {
    const button = make("button", { type: "button", class: "sort" }, heading.textContent);
    heading.replaceChildren(button);
    button.addEventListener("click", () => sortBy(body, headings, column));
  });
}

function sortBy(body, headings, column) {
  const heading = headings[column];
  const asNumber = heading.dataset.sort === "number";
  const before = heading.getAttribute("aria-sort");
  const first = asNumber && column > 0 ? "descending" : "ascending";
  const direction = before === null ? first : before === "ascending" ? "descending" : "ascending";
  for (const other of headings) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = [...body.rows].map((row) => [sortKey(row.cells[column], asNumber), row]);
  // What is missing stays last in both directions.
  keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null)
    : sign * (asNumber ? a - b : a.localeCompare(b, "en", { numeric: true }))));
  body.append(...keyed.map(([, row]) => row));
  body.prepend(...body.querySelectorAll("tr.pinned"));
}

function sortKey(cell, asNumber) {
  if (cell.classList.contains("na")) return null;
  const text = cell.dataset.exact ?? cell.textContent.trim();
  if (!asNumber) return text || null;
  const number = parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(number) ? null : number;
}

/** Words that a row must have; `>7B` and `<1B` are of parameters, `norm:layernorm` of one column. */
function filter(body) {
  const words = $("find").value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const [family, provenance] = [$("family").value, $("provenance").value];
  const [ofFamily, ofProvenance] = [columnOf("family"), columnOf("provenance")];
  let count = 0;
  for (const row of body.rows) {
    const fits = words.every((word) => rowFits(row, word)) && (!family || row.cells[ofFamily].textContent === family)
      && (!provenance || row.cells[ofProvenance].textContent.trim() === provenance);
    row.hidden = !fits;
    count += fits;
  }
  $("found").textContent = count === body.rows.length ? `${count} models` : `${count} of ${body.rows.length} models`;
}

function rowFits(row, word) {
  const size = word.match(/^([<>])=?([\d.]+)([kmbt]?)$/);
  if (size) {
    const bound = Number(size[2]) * 1000 ** " kmbt".indexOf(size[3] || " ");
    const params = sortKey(row.cells[columnOf("params")], true);
    return params !== null && (size[1] === ">" ? params > bound : params < bound) || (word[1] === "=" && params === bound);
  }
  const [, key, value] = word.match(/^([a-z_]+):(.+)$/) ?? [];
  const column = key ? columnOf(key === "mixer" ? "attention" : key) : -1;
  return (column < 0 ? row.textContent : row.cells[column].textContent).toLowerCase().includes(column < 0 ? word : value);
}

/** Let the names of models, wherever tables show them, open their sheets. */
function linkNames() {
  for (const row of $("models-table").tBodies[0].rows) row.cells[0].prepend(pin(row.dataset.name));
  onChange(drawPins);
  for (const row of document.querySelectorAll("tr[data-name]")) {
    const place = row.querySelector("th .t");
    place.replaceChildren(make("button", { type: "button", class: "open", onclick: () => openSheet(row.dataset.name) }, place.textContent));
  }
}

/** A box before a name: whether figures show the model. */
function pin(name) {
  return make("input", { type: "checkbox", class: "pin", "aria-label": `Show ${title(name)} in the figures`, onchange: () => { toggleModel(name); changed(); } });
}

/** Boxes as chosen; those that are can be brought to the top, where they stay whatever is sorted. */
function drawPins() {
  const body = $("models-table").tBodies[0];
  const shown = new Set(shownModels().map((model) => model.name));
  for (const row of body.rows) {
    const box = row.querySelector(".pin");
    box.checked = shown.has(row.dataset.name);
    box.disabled = row.dataset.name === chosen.baseline;
    row.classList.toggle("pinned", $("pinned").checked && box.checked);
  }
  if ($("pinned").checked) body.prepend(...body.querySelectorAll("tr.pinned"));
}

/** The longest contexts of all models. */
function startContexts() {
  const models = [...report.models.values()];
  const columns = [...new Set(models.flatMap((model) => (model.cache?.contexts ?? []).map(([gb, weights]) => `${gb} GB, ${weights}`)))];
  const row = (model) => {
    const found = new Map((model.cache?.contexts ?? []).map(([gb, weights, tokens]) => [`${gb} GB, ${weights}`, tokens]));
    const missing = `n/a (${model.missing.kv_cache ?? "not computed"})`;
    return make("tr", {}, make("th", { scope: "row" }, model.title), columns.map((column) => make("td", { class: "n" }, found.get(column) ?? missing)));
  };
  const head = ["memory, weights", ...columns].map((text, index) => make("th", { scope: "col", class: index > 0 && "n" }, text));
  $("contexts-table").append(make("caption", { class: "hidden" }, "The most tokens that fit beside the weights"),
    make("thead", {}, make("tr", {}, head)), make("tbody", {}, models.map(row)));
}
