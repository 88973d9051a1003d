// Every table can be taken along, as it is shown: the rows and columns that were not hidden.
const FORMATS = {
  CSV: ([head, ...rows]) => [head, ...rows].map((row) => row.map((text) => `"${inSheet(text).replaceAll('"', '""')}"`).join(",")).join("\r\n"),
  Markdown: ([head, ...rows]) => [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`).join("\n"),
  LaTeX: ([head, ...rows]) => `\\begin{tabular}{${"l".repeat(head.length)}}\n${[head, ...rows].map((row) => `${row.map(inLatex).join(" & ")} \\\\`).join("\n")}\n\\end{tabular}`,
  JSON: ([head, ...rows]) => JSON.stringify(rows.map((row) => Object.fromEntries(row.map((text, index) => [head[index] || "name", text]))), null, 1),
};
const ENDINGS = { CSV: "csv", Markdown: "md", LaTeX: "tex", JSON: "json" };

/** A cell that a spreadsheet would take for a formula is told to be text. */
const inSheet = (text) => (/^[=+@]|^-[^\d]/.test(text) ? `'${text}` : text);
const inLatex = (text) => text.replace(/[\\{}&%$#_^~]/g, (sign) => ({ "\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}" })[sign] ?? `\\${sign}`);

/** The texts of a table, its last row of headings first; of a name with its title the name. */
function textsOf(table) {
  const shown = (cell) => getComputedStyle(cell).display !== "none";
  const text = (cell) => (cell.querySelector("small") && cell.tagName === "TH" ? cell.querySelector("small") : cell).textContent.replace(/\s+/g, " ").trim();
  const head = [...(table.tHead?.rows ?? [])].at(-1);
  return [head, ...[...table.tBodies[0].rows].filter((row) => !row.hidden)].filter(Boolean).map((row) => [...row.cells].filter(shown).map(text));
}

function save(table, format, name) {
  const url = URL.createObjectURL(new Blob([FORMATS[format](textsOf(table))], { type: "text/plain" }));
  make("a", { href: url, download: `${name}.${ENDINGS[format]}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function startExports() {
  for (const place of document.querySelectorAll(".scroll")) {
    const label = place.getAttribute("aria-label") ?? "table";
    const name = label.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
    place.after(make("p", { class: "exports" }, "Save: ", Object.keys(FORMATS).map((format) => make("button", { type: "button", "aria-label": `${label} as ${format}`, onclick: () => save(place.querySelector("table"), format, name) }, format))));
  }
}
