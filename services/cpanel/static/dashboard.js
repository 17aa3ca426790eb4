// Follows the airport: asks the control panel again each second, and draws what it says. Whatever comes from outside
// becomes text (textContent) or the bytes of a picture, never markup.

const PERIOD_MS = 1000;
const TIMEOUT_MS = 5000;
const SHOWN = 50;
const PHOTOS = document.body.dataset.photos === "on";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const at = (id) => document.getElementById(id);

class Failed extends Error {}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Failed("the control panel does not answer");
  }
  const text = await answer.text();
  let said = text;
  try {
    said = JSON.parse(text);
  } catch { /* a status is plain text */ }
  if (!answer.ok) throw new Failed(String(said?.errors?.join("; ") ?? said?.error ?? `answered ${answer.status}`));
  const stale = answer.headers.get("x-goaround-stale-s");
  return { said, stale: stale === null ? null : Number(stale) };
}

function make(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function say(element, text, kind = "") {
  if (element.textContent !== text) element.textContent = text;
  if (element.className !== kind) element.className = kind;
}

const listed = (value) => (Array.isArray(value) ? value : []);
const clock = (stamp) => {
  const when = new Date(stamp);
  return Number.isNaN(when.getTime()) ? String(stamp) : when.toLocaleString();
};
const where = (message) => `section ${message.section}, ${message.event}, ${clock(message.timestamp)}`;

function picture(alt, image) {
  const shown = make("img", "", { alt });
  show(shown, image);
  return shown;
}

function show(shown, image) {
  const good = typeof image === "string" && BASE64.test(image);
  const source = good ? `data:image/jpeg;base64,${image}` : "";
  shown.hidden = !good;
  if (good && shown.getAttribute("src") !== source) shown.src = source;
}

// the latest statistics and the latest alert

async function latest(id, title, words) {
  const place = at(id);
  const parts = [make("h2", title, { id: `${id}-title` })];
  try {
    const { said, stale } = await ask(`/${id}`);
    if (stale !== null) parts.push(make("p", `stale: as known ${Math.round(stale)} s ago`, { class: "bad" }));
    if (said.timestamp === undefined) parts.push(make("p", "none yet"));
    else {
      parts.push(make("p", where(said)));
      const people = make("ul");
      for (const person of listed(said.persons)) people.append(make("li", words(person)));
      parts.push(people.childElementCount ? people : make("p", "nobody"));
      if (PHOTOS && said.image) parts.push(picture(title, said.image));
    }
    place.replaceChildren(...parts);
  } catch (error) {
    place.replaceChildren(...parts, make("p", `not available: ${error.message}`, { class: "bad" }));
    throw error;
  }
}

// cameras

const cards = new Map();

function cardOf(camera) {
  const known = cards.get(camera.id);
  if (known) return known;
  const card = make("li", "", { "data-camera": camera.id });
  const title = make("h3");
  const button = make("button", "Switch on", { type: "button", "aria-pressed": "false" });
  const state = make("p");
  const frame = make("p");
  const photo = picture(`last frame of camera ${camera.id}`, "");
  card.append(title, button, state, frame, ...(PHOTOS ? [photo] : []));
  const made = { camera, card, title, button, state, frame, photo };
  button.addEventListener("click", () => toggle(made));
  at("cameras").append(card);
  cards.set(camera.id, made);
  return made;
}

async function toggle({ camera, button }) {
  const on = button.getAttribute("aria-pressed") !== "true";
  const order = { destination: document.body.dataset.collector, section: camera.section, event: camera.type, fps: Number(at("fps").value) };
  await change(() => ask(`/cameras/${camera.id}/stream?toggle=${on ? "on" : "off"}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: on ? JSON.stringify(order) : "{}",
  }));
}

async function change(work) {
  try {
    await work();
    say(at("switched"), "");
  } catch (error) {
    say(at("switched"), error.message, "bad");
  }
  await round();
}

async function cameras() {
  const found = listed((await ask("/cameras")).said.cameras);
  for (const [id, { card }] of cards) {
    if (!found.some((camera) => camera.id === id)) {
      card.remove();
      cards.delete(id);
    }
  }
  await all(found.map(follow));
}

async function follow(camera) {
  const card = cardOf(camera);
  card.camera = camera;
  say(card.title, `Camera ${camera.id}: ${camera.description ?? camera.type}`);
  try {
    const { said: state } = await ask(`/cameras/${camera.id}/state`);
    const on = state.streaming === true;
    card.button.setAttribute("aria-pressed", String(on));
    say(card.button, on ? "Switch off" : "Switch on");
    card.button.setAttribute("aria-label", `${card.button.textContent} camera ${camera.id}`);
    say(card.state, on ? `streaming: ${state.cycle} frames, ${state.fps} a second` : "off", on ? "good" : "soft");
    card.card.dataset.cycle = state.cycle;
    const { said: frame } = await ask(`/cameras/${camera.id}/frame`);
    const extra = frame["extra-info"] === undefined ? "" : `, ${JSON.stringify(frame["extra-info"])}`;
    say(card.frame, `last frame: ${where(frame)}${extra}`, "soft");
    if (PHOTOS) show(card.photo, frame.image);
  } catch (error) {
    say(card.state, `not available: ${error.message}`, "bad");
    throw error;
  }
}

// persons and alerts in a range of time

function span() {
  const chosen = at("range").value;
  const query = new URLSearchParams();
  if (chosen === "between") {
    for (const end of ["from", "to"]) if (at(end).value) query.set(end, new Date(at(end).value).toISOString());
  } else if (chosen !== "all") query.set("from", new Date(Date.now() - Number(chosen) * 1000).toISOString());
  return query;
}

function narrowed() {
  const between = at("range").value === "between";
  for (const end of ["from", "to"]) at(end).disabled = !between;
}

const rows = new Map();

async function sections() {
  const found = listed((await ask("/sections")).said.sections);
  for (const [id, row] of rows) {
    if (!found.some((section) => section.id === id)) {
      row.remove();
      rows.delete(id);
    }
  }
  await all(found.map(count));
}

async function count(section) {
  let row = rows.get(section.id);
  if (!row) {
    row = make("tr", "", { "data-section": section.id });
    row.append(make("th", "", { scope: "row" }), make("td"), make("td"), make("td"));
    rows.set(section.id, row);
    at("sections").append(row);
  }
  const [title, entered, left, status] = row.children;
  say(title, String(section.description ?? section.id));
  const query = span();
  query.set("aggregate", "count");
  const counted = (departed) => ask(`/sections/${section.id}/persons?${query}&departed=${departed}`);
  try {
    const [came, went] = await Promise.all([counted(false), counted(true)]);
    say(entered, String(came.said.count));
    say(left, String(went.said.count));
    say(status, String((await ask(`/sections/${section.id}/status`)).said), "good");
  } catch (error) {
    say(status, `not available: ${error.message}`, "bad");
    throw error;
  }
}

const entries = new Map();

async function alerts() {
  try {
    const found = listed((await ask(`/alerts/?${span()}`)).said.alerts);
    const newest = found.slice(-SHOWN).reverse();
    const words = found.length === 1 ? "1 alert" : `${found.length} alerts`;
    say(at("count"), found.length > SHOWN ? `${words}; the newest ${SHOWN} are shown` : words);
    for (const id of entries.keys()) if (!newest.some((alert) => alert.id === id)) drop(id);
    let before = null;
    for (const alert of newest) {
      const entry = entries.get(alert.id) ?? entryOf(alert);
      const next = before ? before.nextSibling : at("alerts").firstChild;
      if (entry !== next) at("alerts").insertBefore(entry, next);
      before = entry;
    }
  } catch (error) {
    say(at("count"), `not available: ${error.message}`, "bad");
    throw error;
  }
}

function entryOf(alert) {
  const entry = make("li", "", { "data-alert": alert.id });
  const names = listed(alert.persons).map((person) => String(person.name)).join(", ");
  const buttons = make("p", "", { class: "controls" });
  entry.append(make("h3", names), make("p", where(alert), { class: "soft" }), buttons);
  if (PHOTOS) {
    const look = make("button", "Photo", { type: "button", "aria-label": `Photo of alert ${alert.id}` });
    look.addEventListener("click", () => reveal(alert, entry, look));
    buttons.append(look);
  }
  const remove = make("button", "Delete", { type: "button", "aria-label": `Delete alert ${alert.id}` });
  remove.addEventListener("click", () => erase(alert.id, remove));
  buttons.append(remove);
  entries.set(alert.id, entry);
  return entry;
}

async function reveal(alert, entry, button) {
  button.disabled = true;
  try {
    const { said } = await ask(`/alerts/${alert.id}`);
    entry.append(picture(`photo of alert ${alert.id}`, said.image));
    button.remove();
  } catch (error) {
    button.disabled = false;
    say(at("count"), `alert ${alert.id}: ${error.message}`, "bad");
  }
}

async function erase(id, button) {
  button.disabled = true;
  try {
    await ask(`/alerts/${id}`, { method: "DELETE" });
    const entry = entries.get(id);
    const neighbour = entry?.nextElementSibling ?? entry?.previousElementSibling;
    drop(id);
    neighbour?.querySelector("button:last-of-type")?.focus();
    await round();
  } catch (error) {
    button.disabled = false;
    say(at("count"), `alert ${id}: ${error.message}`, "bad");
  }
}

function drop(id) {
  entries.get(id)?.remove();
  entries.delete(id);
}

// once a second

async function all(promises) {
  const failed = (await Promise.allSettled(promises)).filter((one) => one.status === "rejected");
  if (failed.length) throw failed[0].reason;
}

async function answered() {
  const { said } = await ask("/status");
  const [who, pod] = String(said).split(" - ");
  say(at("answered"), `${pod}, ${who.split(" : ")[0].replace("CPanel ", "")}`);
}

let turn = Promise.resolve();

function round() {
  turn = turn.then(async () => {
    const parts = {
      "the answering pod": answered(),
      statistics: latest("analysis", "Latest statistics", (person) => `${person.gender}, ${person.age}`),
      alert: latest("alert", "Latest alert", (person) => String(person.name)),
      cameras: cameras(),
      sections: sections(),
      alerts: alerts(),
    };
    const results = await Promise.allSettled(Object.values(parts));
    const missing = Object.keys(parts).filter((_, index) => results[index].status === "rejected");
    if (missing.length) say(at("live"), `not available: ${missing.join(", ")}`, "bad");
    else say(at("live"), "live", "good");
  });
  return turn;
}

async function follows() {
  if (!document.hidden) await round();
  setTimeout(follows, PERIOD_MS);
}

for (const button of document.querySelectorAll("[data-production]")) {
  button.addEventListener("click", () => change(() => ask(`/production?toggle=${button.dataset.production}`)));
}
for (const id of ["range", "from", "to"]) {
  at(id).addEventListener("change", () => {
    narrowed();
    round();
  });
}
narrowed();
follows();
