// The table of models: sorting by headings, filtering, and all digits in place of three.
function startTable() {
  const table = $("models-table");
  const body = table.tBodies[0];
  startSorting(body, [...table.tHead.rows[1].cells]);
  for (const cell of body.querySelectorAll("td.n[title]")) cell.dataset.exact = cell.title;
  for (const id of ["find", "family", "provenance"]) $(id).addEventListener("input", () => filter(body));
  $("all-digits").addEventListener("change", () => swapDigits(body));
  filter(body);
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
}

function sortKey(cell, asNumber) {
  if (cell.classList.contains("na")) return null;
  const text = cell.dataset.exact ?? cell.textContent.trim();
  if (!asNumber) return text || null;
  const number = parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(number) ? null : number;
}

function filter(body) {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const [family, provenance] = [$("family").value, $("provenance").value];
  let count = 0;
  for (const row of body.rows) {
    const text = row.textContent.toLowerCase();
    const fits = words.every((word) => text.includes(word))
      && (!family || row.cells[1].textContent === family) && (!provenance || row.cells[2].textContent.trim() === provenance);
    row.hidden = !fits;
    count += fits;
  }
  $("found").textContent = count === body.rows.length ? `${count} models` : `${count} of ${body.rows.length} models`;
}

function swapDigits(body) {
  for (const cell of body.querySelectorAll("td.n[title]")) {
    const shown = cell.textContent;
    cell.textContent = cell.title;
    cell.title = shown;
  }
}

/** Let the names of models, wherever tables show them, open their sheets. */
function linkNames() {
  for (const row of document.querySelectorAll("tr[data-name]")) {
    const place = row.querySelector("th .t");
    place.replaceChildren(make("button", { type: "button", class: "open", onclick: () => openSheet(row.dataset.name) }, place.textContent));
  }
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
