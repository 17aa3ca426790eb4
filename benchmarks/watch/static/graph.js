// Draws the view that the server gives, each second: services in columns by depth, an arrow for each edge.

const SVG = "http://www.w3.org/2000/svg";
const PERIOD_MS = 1000;
const COLUMN = 250, ROW = 96, WIDTH = 140, HEIGHT = 34, MARGIN = 24;
const at = (id) => document.getElementById(id);
const drawn = new Map();
let chosen = null;
let layout = "";

function make(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const share = (value) => (value === null ? "-" : `${(value * 100).toFixed(value === 1 ? 0 : 1)} %`);
const name = (edge) => `${edge.caller}->${edge.callee}`;

function words(edge) {
  const p99 = edge.p99_ms === null ? "-" : `${edge.p99_ms.toFixed(0)} ms`;
  return `${name(edge)}: ${edge.rate.toFixed(1)} calls/s, ${share(edge.success)} succeed, p99 ${p99}, ` +
    `${edge.attempts.toFixed(1)} attempts/s, ${edge.retries.toFixed(1)} retries/s, ${edge.rejects.toFixed(1)} refused/s, ` +
    `${edge.timeouts.toFixed(1)} timeouts/s, ejected: ${edge.ejected}, breakers: ${edge.breakers || "none has opened"}`;
}

function figure(edge) {
  const marks = [];
  if (edge.rate > 0) marks.push(`${edge.rate.toFixed(1)}/s ${share(edge.success)}`);
  if (edge.ejected) marks.push(`${edge.ejected} ejected`);
  if (/open/.test(edge.breakers)) marks.push("breaker");
  return marks.length ? `${edge.caller}: ${marks.join(", ")}` : "";
}

function place(view) {
  const graph = at("graph");
  const corner = new Map(view.services.map((one) => [one.name, [MARGIN + one.column * COLUMN, MARGIN + one.row * ROW + (one.column % 2) * ROW / 2]]));
  const right = Math.max(...[...corner.values()].map(([x]) => x)) + WIDTH + MARGIN;
  const bottom = Math.max(...[...corner.values()].map(([, y]) => y)) + HEIGHT + 2 * MARGIN;
  graph.setAttribute("viewBox", `0 0 ${right} ${bottom}`);
  graph.replaceChildren();
  drawn.clear();
  const labels = [];
  const below = new Map();
  for (const edge of view.edges) {
    const [left, top] = corner.get(edge.caller), [x, y] = corner.get(edge.callee);
    const from = [left + WIDTH, top + HEIGHT / 2], to = [x, y + HEIGHT / 2], bend = (from[0] + to[0]) / 2;
    const line = make("path", { d: `M${from}C${bend} ${from[1]} ${bend} ${to[1]} ${to}`, tabindex: 0, role: "button" });
    // below the callee, a line for each caller: on the arrows they would cover each other
    const number = below.get(edge.callee) ?? 0;
    below.set(edge.callee, number + 1);
    const label = make("text", { x: x + WIDTH / 2, y: y + HEIGHT + 13 + 13 * number, "text-anchor": "middle", class: "figure" });
    for (const kind of ["click", "focus"]) line.addEventListener(kind, () => { chosen = name(edge); tell(); });
    graph.append(line);
    labels.push(label);
    drawn.set(name(edge), { line, label, edge });
  }
  for (const [service, [x, y]] of corner) {
    graph.append(make("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 6, class: "node" }));
    graph.append(make("text", { x: x + WIDTH / 2, y: y + HEIGHT / 2 + 5, "text-anchor": "middle" }, service));
  }
  graph.append(...labels);
}

function tell() {
  const known = drawn.get(chosen);
  if (known) at("edge").textContent = words(known.edge);
}

function show(view) {
  const shape = JSON.stringify([view.services, view.edges.map(name)]);
  if (shape !== layout && view.edges.length) place(view);
  layout = shape;
  for (const edge of view.edges) {
    const known = drawn.get(name(edge));
    known.edge = edge;
    known.line.setAttribute("class", `edge ${edge.health}`);
    known.line.setAttribute("data-edge", name(edge));
    known.line.setAttribute("aria-label", words(edge));
    known.label.textContent = figure(edge);
  }
  at("title").textContent = `World ${view.world}, mode ${view.mode}`;
  const failing = view.edges.filter((edge) => edge.health === "failing").map(name);
  const parts = failing.length ? [`failing: ${failing.join(", ")}`] : ["live"];
  if (!view.edges.length) parts.push("no service has called another yet");
  if (view.silent.length) parts.push(`no answer from: ${view.silent.join(", ")}`);
  say(parts.join("; "), failing.length || view.silent.length ? "bad" : "");
  tell();
}

function say(text, kind) {
  if (at("state").textContent !== text) at("state").textContent = text;
  at("state").className = kind;
}

async function follow() {
  try {
    const answer = await fetch("view", { signal: AbortSignal.timeout(5000) });
    const said = await answer.json();
    if (answer.ok) show(said);
    else say(said.error, "bad");
  } catch {
    say("goaround watch does not answer: has it ended?", "bad");
  }
  setTimeout(follow, PERIOD_MS);
}

follow();
