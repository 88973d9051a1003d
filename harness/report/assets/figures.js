// The figures: which models they show, and how these look in either theme.
let plotly = null;

/** Nothing is offered that would send a figure anywhere: plotly's own default is a button that uploads it. */
const CONFIG = { displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

function startFigures() {
  for (const radio of document.querySelectorAll("input[name=bars]")) {
    radio.checked = radio.value === chosen.bars;
    radio.addEventListener("change", () => { chosen.bars = radio.value; changed(); });
  }
  for (const fold of document.querySelectorAll("details:has(.plot)")) { // what was drawn while folded had no width
    fold.addEventListener("toggle", () => dispatchEvent(new Event("resize")));
  }
  startChooser();
  onChange(drawChooser);
  onChange(drawAll);
}

function toggleModel(name) {
  if (!chosen.models.delete(name)) chosen.models.add(name);
}

function startChooser() {
  for (const family of report.families) {
    const models = [...report.models.values()].filter((model) => model.family === family);
    $("choices").append(make("fieldset", {}, make("legend", {}, family), models.map((model) => make("label", {},
      make("input", { type: "checkbox", value: model.name, onchange: () => { toggleModel(model.name); changed(); } }), model.title))));
  }
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.addEventListener("click", () => { chosen.models = new Set(preset(button.dataset.preset)); changed(); });
  }
  const close = (event) => { if (event.key === "Escape" || (event.type === "click" && !$("chooser").contains(event.target))) $("chooser").open = false; };
  document.addEventListener("keydown", close);
  document.addEventListener("click", close);
}

function preset(name) {
  const models = [...report.models.values()];
  const family = report.models.get(chosen.baseline).family;
  const fits = { released: (m) => m.provenance === "released", all: () => true, none: () => false, relatives: (m) => m.family === family };
  return name === "default" ? report.defaults : models.filter(fits[name]).map((model) => model.name);
}

function drawChooser() {
  const marks = looks();
  for (const box of $("choices").querySelectorAll("input")) {
    box.checked = marks.get(box.value).shown;
    box.disabled = box.value === chosen.baseline;
  }
  const shown = [...marks].filter(([, look]) => look.shown);
  $("chosen-count").textContent = `(${shown.length})`;
  $("key").replaceChildren(...shown.map(([name, { colour, sign }]) => {
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" }, sign);
    swatch.style.color = colour;
    const { title, missing } = report.models.get(name);
    const without = Object.keys(missing).join(", ");
    return make("li", {}, swatch, ` ${title}${name === chosen.baseline ? " (baseline)" : ""}`, without && make("span", { class: "na" }, `, without ${without}`));
  }));
}

/** Draw every figure; called again when the choice or the theme changes. */
function drawAll() {
  if (!report.models.size) return;
  drawChooser();
  if (!plotly) return;
  const marks = looks();
  for (const [id, figure] of Object.entries(report.figures)) {
    const { data, layout } = { bars, rows, traces, learned, all }[figure.layout.meta.chosen](figure, marks, id);
    plotly.react(id, data, themed(layout, id), CONFIG);
  }
}

const title = (name) => report.models.get(name)?.title ?? name;

function traces(figure, marks, id) {
  const drivenByBar = figure.layout.meta.of === "cache";
  const data = figure.data.filter((trace) => marks.get(trace.meta.model)?.shown).map((trace) => {
    const model = report.models.get(trace.meta.model);
    const dotted = trace.line?.dash === "dot";
    const y = drivenByBar ? trace.x.map((n) => Number(cacheBytes(model, n))) : trace.y;
    return { ...styled(trace, marks), y, mode: dotted ? "lines" : "lines+markers", opacity: dotted ? 0.75 : 1 };
  });
  const yaxis = drivenByBar ? { ...figure.layout.yaxis, title: { text: `bytes of cache, ${chosen.cacheType}, batch of ${chosen.batch}` } } : figure.layout.yaxis;
  return labelled(data.filter((trace) => trace.mode !== "lines"), { data, layout: { ...figure.layout, yaxis, showlegend: false } }, id);
}

/** A line of a model, in its colour. */
function styled(trace, marks) {
  const { colour, symbol } = marks.get(trace.meta.model);
  const baseline = trace.meta.model === chosen.baseline;
  const bars = trace.error_y && { error_y: { ...trace.error_y, color: colour } };
  return { ...trace, ...bars, name: markup(title(trace.meta.model)), mode: "lines+markers", line: { ...trace.line, color: colour, width: baseline ? 2.6 : 1.6 },
    marker: { color: colour, symbol, size: baseline ? 8 : 6.5 } };
}

/** Names at the ends of lines, moved apart where they would overlap; on a narrow page the key above has to do. */
function labelled(lines, drawn, id) {
  const width = $(id).clientWidth;
  if (width < 560 || !lines.length || lines.length > 16) return drawn;
  const logarithmic = drawn.layout.yaxis?.type === "log";
  const scale = (value) => (logarithmic ? Math.log10(value) : value);
  const all = lines.flatMap((trace) => trace.y).filter((value) => value > 0).map(scale);
  all.push(...(drawn.layout.shapes ?? []).map((shape) => scale(shape.y0)));
  const pixels = (parseInt($(id).dataset.height, 10) - 90) / (Math.max(...all) - Math.min(...all) || 1);
  const ends = lines.map((trace) => ({ trace, x: trace.x.at(-1), y: trace.y.at(-1), at: scale(trace.y.at(-1)) * pixels })).sort((a, b) => a.at - b.at);
  let below = -Infinity;
  const annotations = ends.map(({ trace, x, y, at }) => {
    const place = Math.max(at, below + 13);
    below = place;
    return { text: trace.name, x: 1, xref: "paper", xanchor: "left", xshift: 6, y: scale(y), yshift: place - at, showarrow: false, font: { size: 11, color: trace.line.color }, ofLine: true };
  });
  const margin = Math.min(10 + 6.2 * Math.max(...lines.map((trace) => trace.name.length)), width / 3);
  return { ...drawn, layout: { ...drawn.layout, annotations: [...(drawn.layout.annotations ?? []), ...annotations], roomForNames: margin } };
}

/** Plotly reads some tags in texts: what a spec says is none. */
const markup = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Lines of models that were trained: those chosen, also where another that is the same when scaled stands for them. */
function learned(figure, marks, id) {
  const isShown = (trace) => [trace.meta.model, ...(trace.meta.also ?? [])].some((name) => marks.get(name)?.shown);
  const ofModels = figure.data.filter((trace) => trace.meta?.model);
  const picked = ofModels.filter(isShown);
  const lines = (picked.length > 1 ? picked : ofModels.slice(0, 8)).map((trace) => (marks.has(trace.meta.model) ? styled(trace, marks) : trace));
  const references = figure.data.filter((trace) => trace.meta?.reference).map(reference);
  return { data: [...references, ...lines], layout: { ...figure.layout, showlegend: true } };
}

function all(figure, marks, id) {
  const seen = new Set();
  const data = figure.data.map((trace, index) => {
    const model = report.models.get(trace.meta?.model);
    if (model) return dot(trace, model, marks);
    return trace.meta?.reference ? reference(trace) : patternLine(trace, index, seen);
  });
  placeNames(data.filter((trace) => trace.mode === "markers+text"), figure, id);
  return { data, layout: { ...figure.layout, showlegend: !figure.data.some((trace) => trace.meta?.model) } };
}

/** Each name on the first side of its dot where it lies on no other name; on none, it is left to the key. */
function placeNames(dots, figure, id) {
  const along = (axis, size) => {
    const scale = figure.layout[`${axis}axis`]?.type === "log" ? Math.log10 : Number;
    const all = figure.data.flatMap((trace) => trace[axis]).map(scale).filter(Number.isFinite);
    return (value) => ((scale(value) - Math.min(...all)) / (Math.max(...all) - Math.min(...all) || 1)) * size;
  };
  const [x, y] = [along("x", $(id).clientWidth - 110), along("y", parseInt($(id).dataset.height, 10) - 90)];
  const taken = dots.map((trace) => [x(trace.x[0]) - 7, y(trace.y[0]) - 7, 14, 14]);
  for (const trace of dots) {
    const [at, up, wide] = [x(trace.x[0]), y(trace.y[0]), 6.5 * trace.text[0].length];
    const sides = { "top center": [at - wide / 2, up + 7], "middle right": [at + 9, up - 7], "middle left": [at - 9 - wide, up - 7], "bottom center": [at - wide / 2, up - 21] };
    const free = Object.entries(sides).find(([, [left, low]]) => taken.every(([l, b, w, h]) => left + wide < l || l + w < left || low + 13 < b || b + h < low));
    if (free) { trace.textposition = free[0]; taken.push([...free[1], wide, 13]); } else trace.mode = "markers";
  }
}

/** One model among all: those chosen have their colour and a name, the others are quiet. */
function dot(trace, model, marks) {
  const { colour, symbol, shown } = marks.get(model.name);
  const quiet = pageColour("--muted");
  const bars = trace.error_y && { error_y: { ...trace.error_y, color: shown ? colour : quiet } };
  return { ...trace, ...bars, name: markup(model.title), showlegend: false, mode: shown ? "markers+text" : "markers", text: [markup(model.title)], textfont: { size: 11, color: colour }, cliponaxis: false, opacity: shown ? 1 : 0.45,
    marker: { color: shown ? colour : quiet, symbol: shown ? symbol : "circle", size: model.name === chosen.baseline ? 13 : shown ? 10 : 7 } };
}

/** One pattern; a line that lies on an earlier one is dotted, so that both are seen. */
function patternLine(trace, index, seen) {
  const colour = report.palette[index % report.palette.length][isDark() ? 1 : 0];
  const again = seen.has(String(trace.y));
  seen.add(String(trace.y));
  const bars = trace.error_y && { error_y: { ...trace.error_y, color: colour } };
  return { ...trace, ...bars, mode: "lines+markers", line: { color: colour, width: again ? 3 : 1.8, dash: again ? "dot" : "solid" },
    marker: { color: colour, size: 6, symbol: SYMBOLS[index % SYMBOLS.length][0] } };
}

/** A bound or a frontier, which is no result itself. */
const reference = (trace) => ({ ...trace, mode: "lines", line: { ...trace.line, color: pageColour("--muted"), width: 1.5, dash: "dot" } });

const pageColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function bars(figure, marks) {
  const absolute = chosen.bars === "absolute";
  const data = figure.data.map((trace) => {
    const kept = trace.y.map((name, index) => index).filter((index) => marks.get(trace.y[index])?.shown);
    const pick = (list) => kept.map((index) => list[index]);
    const [values, shares] = [pick(trace.x), pick(trace.customdata)];
    return { ...trace, y: pick(trace.y).map(title).map(markup), x: absolute ? values : shares, customdata: shares.map((share, index) => [share, values[index]]),
      hovertemplate: "%{fullData.name}: %{customdata[1]:,} parameters, %{customdata[0]:.2%}" };
  });
  const xaxis = absolute ? figure.layout.xaxis : { title: { text: "share of the parameters" }, tickformat: ".0%", range: [0, 1], dtick: 0.2 };
  return { data, layout: { ...figure.layout, xaxis, yaxis: { autorange: "reversed", automargin: true }, showlegend: false, height: 90 + 26 * Math.max(data[0].y.length, 3) } };
}

function rows(figure, marks) {
  const [heat] = figure.data;
  const kept = heat.y.map((name, index) => index).filter((index) => marks.get(heat.y[index])?.shown);
  const pick = (list) => kept.map((index) => list[index]);
  const colours = isDark()
    ? [[0, "#1b2733"], [0.5, "#1f4460"], [1, "#235f8c"]] : [[0, "#f1f7fb"], [0.5, "#c9e1f2"], [1, "#8cc0e6"]];
  const data = [{ ...heat, y: pick(heat.y).map(title).map(markup), z: pick(heat.z), text: pick(heat.text), customdata: pick(heat.customdata), colorscale: colours, textfont: { size: 10.5, color: pageColour("--text") } }];
  return { data, layout: { ...figure.layout, xaxis: { ...figure.layout.xaxis, showgrid: false, dividercolor: pageColour("--line"), tickcolor: pageColour("--line"), tickfont: { size: 11 } }, yaxis: { autorange: "reversed", showgrid: false, automargin: true }, height: 80 + 26 * Math.max(kept.length, 8) } };
}

function themed(layout, id) {
  const axis = { gridcolor: pageColour("--line"), zerolinecolor: pageColour("--line"), linecolor: pageColour("--line"), automargin: true };
  const height = layout.height ?? parseInt($(id).dataset.height, 10);
  $(id).style.height = `${height}px`;
  return { ...layout, height, autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { color: pageColour("--text"), family: "system-ui, sans-serif", size: 12 }, margin: { l: 8, r: layout.roomForNames ?? 28, t: 24, b: 8 },
    hoverlabel: { bgcolor: pageColour("--raised"), bordercolor: pageColour("--line"), font: { color: pageColour("--text") } },
    legend: { orientation: "h", y: 1.01, yanchor: "bottom", x: 0, traceorder: "normal", itemwidth: 30 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: pageColour("--muted"), activecolor: pageColour("--accent") },
    shapes: (layout.shapes ?? []).map((shape) => ({ ...shape, line: { ...shape.line, color: pageColour("--muted") } })),
    annotations: (layout.annotations ?? []).map(({ ofLine, ...note }) => ({ ...note, font: { color: pageColour("--muted"), ...note.font } })),
    xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis } };
}

/** Unpack the library and run it; the policy of the page allows just this text. */
async function loadPlotly() {
  const code = make("script");
  code.textContent = await unpack("packed-plotly");
  document.head.append(code);
  if (!window.Plotly) throw new Error("the browser did not run the library for figures");
  plotly = window.Plotly;
}
