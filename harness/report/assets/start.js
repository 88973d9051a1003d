// Starts the page: what needs only the tables at once, then the data, then the figures.
function say(text) {
  for (const place of document.querySelectorAll(".plot")) place.replaceChildren(make("div", { class: "waiting" }, text));
}

async function start() {
  for (const place of document.querySelectorAll(".plot")) place.dataset.height = parseInt(place.style.height, 10);
  startTable();
  startExports();
  startClaims();
  startTheme();
  say("drawing …");
  try {
    const data = JSON.parse(await unpack("packed-data"));
    Object.assign(report, data, { models: new Map(data.models.map((model) => [model.name, model])) });
    Object.assign(chosen, { baseline: data.baseline, context: data.context, models: new Set(data.defaults) });
    startBar();
    const section = readAddress();
    drawBar();
    startCopy();
    linkNames();
    startContexts();
    startCompare();
    startFigures();
    drawCompare();
    drawChooser();
    onChange(drawCosts);
    drawCosts();
    drawPins();
    $(section)?.scrollIntoView();
    await loadPlotly();
    for (const place of document.querySelectorAll(".plot")) place.replaceChildren();
    drawAll();
    $(section)?.scrollIntoView();
    document.documentElement.dataset.ready = "true";
  } catch (error) {
    say(`The figures could not be drawn: ${error.message}. The tables hold their numbers.`);
    throw error;
  }
}

start();
