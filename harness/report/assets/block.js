// The block of a model, drawn from its choices: where the norms stand, the mixer, the MLP or its experts.
const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** What a block chooses on an axis: its own, or the model's. */
const chosenOn = (model, block, axis) => model.options[`${block}: ${axis}`] ?? model.options[axis] ?? "none";
const optionOn = (model, block, option) => model.options[`${block}: ${option}`] ?? model.options[option];

/** The steps of a sublayer by where the norms stand; S is the sublayer, + its sum with the stream. */
const STEPS = { pre: "NS+", post: "S+N", deepnorm: "S+N", sandwich: "NSN+", reordered: "SN+" };

/** [axis, words] of each step of a block, in the order of the computation. */
function stepsOf(model, block) {
  const on = (axis) => chosenOn(model, block, axis);
  const heads = optionOn(model, block, "mixer.num_heads");
  const shared = optionOn(model, block, "mixer.num_kv_heads");
  const mixer = ["mixer", heads ? `${on("mixer")}: ${heads} heads${shared ? `, KV ${shared}` : ""}` : on("mixer")];
  const routed = optionOn(model, block, "experts.num_experts");
  const mlp = ["mlp", routed ? `${on("mlp")}, ${optionOn(model, block, "experts.experts_per_token")} of ${routed} experts` : on("mlp")];
  const norm = ["norm", on("norm")];
  const add = ["residual", "+"];
  const sublayers = [mixer, mlp].filter(([, words]) => words !== "none");
  const kind = on("residual");
  if (!STEPS[kind]) return [norm, ...sublayers.map(([axis, words]) => [axis, `${words}, in parallel`]), add];
  return sublayers.flatMap((sublayer) => [...STEPS[kind]].map((step) => ({ N: norm, S: sublayer, "+": [...add, kind] })[step]));
}

/** Boxes from the tokens to the head; axes in `differing` are coloured. */
function drawBlock(model, block, count, differing) {
  const after = chosenOn(model, block, "residual") === "post" ? [] : [["norm", `${chosenOn(model, block, "norm")}, at the end`]];
  const inBlock = stepsOf(model, block);
  const before = [["embedding", "tokens"], ["position", `positions: ${chosenOn(model, block, "position")}`], ["pattern", `pattern: ${chosenOn(model, block, "pattern")}`]];
  const steps = [...before, ...inBlock, ...after, ["head", `head: ${model.options.head}`]];
  const differs = (axis) => differing.has(axis) || differing.has(`${block}: ${axis}`) || (axis === "mlp" && differing.has("experts"));
  const height = 34 * steps.length + 8;
  const boxes = steps.map(([axis, words], index) => draw("g", differs(axis) ? { class: "differs" } : {},
    draw("rect", { x: 30, y: 6 + 34 * index, width: 230, height: 24, rx: 5 }), draw("text", { x: 145, y: 22 + 34 * index }, words)));
  const arrows = steps.slice(1).map((_, index) => draw("path", { d: `M145 ${30 + 34 * index}v10` }));
  // The stream goes past each sublayer, from in front of its norm to the sum.
  let from = before.length;
  const past = inBlock.flatMap(([, words], index) => {
    const place = before.length + index;
    if (words !== "+") return [];
    const line = draw("path", { d: `M145 ${2 + 34 * from}H278V${18 + 34 * place}H260` });
    from = inBlock[index + 1]?.[0] === "norm" && STEPS[chosenOn(model, block, "residual")]?.endsWith("N") ? place + 2 : place + 1;
    return [line];
  });
  const frame = draw("path", { d: `M14 ${2 + 34 * before.length}H8V${30 + 34 * (before.length + inBlock.length - 1)}H14`, "stroke-dasharray": "3 3" });
  const words = `${model.title}, block ${block}, × ${count}: ${steps.map(([, each]) => each).join(", then ")}`;
  return make("figure", {}, draw("svg", { class: "block", viewBox: `0 0 290 ${height}`, role: "img", "aria-label": words }, frame, ...arrows, ...past, ...boxes),
    make("figcaption", {}, make("strong", {}, model.title), `, ${model.blocks.length > 1 ? `${block}, ` : ""}× ${count}`));
}

/** The first blocks of each model, side by side; `differing` has the axes to be coloured. */
function drawBlocks(models, differing = new Set()) {
  return models.flatMap((model) => model.blocks.slice(0, 2).map(([block, count]) => drawBlock(model, block, count, differing)));
}
