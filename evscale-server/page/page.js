// The page reads what everybody can read of the interface, and writes nothing but orders and pauses.
"use strict";

const RECORDS = 180;
const EVERY_MS = 2000;
const shown = { pool: null, role: null, seq: null };
const find = (id) => document.getElementById(id);
const count = (value) => (value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en"));

async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  const key = sessionStorage.getItem("key");
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) find("access").hidden = false;
  if (!answer.ok) throw new Error(said.error ? said.error.message : `${answer.status}`);
  return said;
}

function element(name, attributes = {}, text) {
  const svg = ["path", "line", "text"].includes(name) && attributes.svg;
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (key !== "svg") made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function time(text) {
  const at = new Date(text);
  return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })} ${at.toISOString().slice(11, 16)}`;
}

function list(pools) {
  find("empty").hidden = pools.length > 0;
  find("pools").hidden = pools.length === 0;
  const rows = pools.map((pool) => {
    const row = element("tr", pool.pool === shown.pool ? { "aria-current": "true" } : {});
    const name = element("td");
    const button = element("button", {}, pool.pool);
    button.addEventListener("click", () => choose(pool.pool));
    name.append(button);
    const health = pool.failed ? "failed" : pool.health.status;
    row.append(name, element("td", { class: "number" }, count(pool.current_jobs)),
      element("td", { class: "number" }, count(pool.recommended_jobs)), element("td", { class: health }, health));
    return row;
  });
  // a button that has the focus keeps it
  const focused = document.activeElement?.closest("#pools") ? document.activeElement.textContent : null;
  find("pools").tBodies[0].replaceChildren(...rows);
  if (focused) [...find("pools").querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
}

function choose(pool) {
  [shown.pool, shown.seq] = [pool, null];
  location.hash = encodeURIComponent(pool);
  find("said").textContent = "";
  refresh();
}

// Draws series over a common range; each is [class, points, closed] with points of [x, y], x from 0 to 1.
function draw(id, height, series, labels) {
  const svg = find(id);
  // units are pixels, nearly: what is written stays readable on a telephone
  const width = Math.max(320, Math.min(800, svg.parentElement.clientWidth));
  const [left, right, top, bottom] = [52, width - 8, 12, height - 28];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const highest = tidy(Math.max(1, ...series.flatMap(([, points]) => points.map(([, y]) => y))));
  const x = (value) => (left + value * (right - left)).toFixed(1);
  const y = (value) => (bottom - (value / highest) * (bottom - top)).toFixed(1);
  const parts = [0, 0.5, 1].flatMap((share) => [
    element("line", { svg: true, class: "grid", x1: left, x2: right, y1: y(share * highest), y2: y(share * highest) }),
    element("text", { svg: true, x: left - 6, y: Number(y(share * highest)) + 4, "text-anchor": "end" }, compact(share * highest)),
  ]);
  for (const [at, text, anchor] of labels) parts.push(element("text", { svg: true, x: x(at), y: height - 6, "text-anchor": anchor }, text));
  for (const [name, points, closed] of series) {
    const d = points.map(([px, py], index) => `${index ? "L" : "M"}${x(px)} ${y(py)}`).join("") + (closed ? "Z" : "");
    if (points.length) parts.push(element("path", { svg: true, class: name, d }));
  }
  svg.replaceChildren(...parts);
}

// Returns the end of an axis: the next number above that reads well, as does its half.
function tidy(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((digit) => digit * unit).find((end) => end >= value);
}

function compact(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

function charts(state, records, forecast, decisions) {
  // as they came, without what came late or twice
  const past = [];
  for (const { body } of records.toReversed()) {
    const record = { at: Date.parse(body.timestamp), events: body.logged_events_count, jobs: body.current_job_count };
    if (record.at <= Date.parse(state.newest) && (!past.length || record.at > past.at(-1).at)) past.push(record);
  }
  if (!past.length) return;
  const now = past.at(-1).at;
  const step = state.config.interval_seconds * 1000;
  const ahead = Object.values(forecast.horizons).map((horizon) => ({ at: now + horizon.steps * step, ...horizon }))
    .filter((horizon) => horizon.at - now <= 3.1 * 3600e3).sort((one, other) => one.at - other.at);
  const from = past[0].at, until = Math.max(now, ...ahead.map((horizon) => horizon.at));
  const place = (at) => (at - from) / Math.max(1, until - from);
  const known = past.filter((record) => record.events !== null);
  const last = known.at(-1)?.events ?? 0;
  const band = [[place(now), last], ...ahead.map((h) => [place(h.at), h.confidence_interval[1]]),
    ...ahead.toReversed().map((h) => [place(h.at), h.confidence_interval[0]])];
  const labels = [[0, time(past[0].at), "start"], [place(now), time(now), place(now) > 0.85 ? "end" : "middle"]];
  draw("arrivals", 240, [["band", band, true], ["past", known.map((r) => [place(r.at), r.events])],
    ["ahead", [[place(now), last], ...ahead.map((h) => [place(h.at), h.prediction])]]], labels);
  const wanted = decisions.map((row) => row.body).filter((decision) => decision.recommended_jobs !== null).reverse()
    .map((decision) => [Date.parse(decision.decided_at), decision.recommended_jobs]).filter(([at]) => at >= from);
  const steps = wanted.flatMap(([at, jobs], index) => [[place(at), jobs], [place(wanted[index + 1]?.[0] ?? now), jobs]]);
  draw("jobs", 160, [["had", past.filter((r) => r.jobs !== null).map((r) => [place(r.at), r.jobs])], ["wanted", steps]], labels);
}

function explain(state, decisions) {
  find("name").textContent = state.pool;
  const newest = decisions[0]?.body;
  find("explanation").textContent = newest ? newest.explanation : "No record so far.";
  find("causes").replaceChildren(...[state.failed, ...state.health.causes].filter(Boolean).map((cause) => element("li", {}, cause)));
  find("decisions").replaceChildren(...decisions.slice(0, 30).map(({ body }) => {
    const item = element("li");
    const change = body.change === null ? "" : ` (${body.change > 0 ? "+" : ""}${body.change})`;
    item.append(element("time", { datetime: body.decided_at }, time(body.decided_at)),
      element("b", {}, `${count(body.current_jobs)} → ${count(body.recommended_jobs)}`),
      `${change} ${body.source.replaceAll("_", " ")}${body.emergency ? ", emergency" : ""}`,
      element("small", {}, body.explanation));
    return item;
  }));
  const orders = [];
  if (state.order) {
    const [what, jobs] = Object.entries(state.order.order)[0];
    orders.push(`Ordered: ${{ fixed: "exactly", cap: "at most", floor: "at least" }[what]} ${jobs} jobs until ${time(state.order.until)}.`);
  }
  if (state.pause !== "off") orders.push(`Switched off: ${{ all: "all changes", up: "scale-up", down: "scale-down" }[state.pause]}.`);
  find("ordered").textContent = orders.join(" ") || "Nothing is ordered or switched off.";
  find("operate").hidden = shown.role !== "operate";
}

// The alerts that fire, and those of the last day that do not any more.
function warn(alerts) {
  find("alerts").replaceChildren(...alerts.map((alert) => {
    const firing = alert.state === "firing";
    const item = element("li", { class: firing ? alert.severity : "over" });
    const silent = alert.silenced_until ? `, silent until ${time(alert.silenced_until)}` : "";
    const when = firing ? `since ${time(alert.since)}` : `until ${time(alert.until)}`;
    item.append(element("b", {}, alert.name.replaceAll("_", " ")), ` ${alert.severity}, ${when}${silent}. ${alert.text}`);
    if (firing) item.append(element("small", {}, alert.action));
    return item;
  }));
}

async function refresh() {
  try {
    if (!shown.role) shown.role = (await ask("GET", "caller")).role;
    const pools = await ask("GET", "pools");
    find("access").hidden = true;
    const asked = decodeURIComponent(location.hash.slice(1));
    if (!pools.some((pool) => pool.pool === shown.pool)) shown.pool = pools.find((pool) => pool.pool === asked)?.pool ?? pools[0]?.pool ?? null;
    list(pools);
    const bad = pools.filter((pool) => pool.failed || pool.health.status !== "healthy").length;
    find("summary").textContent = `${pools.length} pools, ${bad ? `${bad} not healthy` : "all healthy"}; you may ${shown.role}`;
    find("summary").className = "";
    find("pool").hidden = !shown.pool;
    const current = pools.find((pool) => pool.pool === shown.pool);
    if (!current || current.seq === shown.seq) return;
    const path = `pools/${encodeURIComponent(shown.pool)}`;
    const [state, forecast, records, decisions, alerts] = await Promise.all([ask("GET", path), ask("GET", `${path}/forecast`),
      ask("GET", `${path}/records?limit=${RECORDS}`), ask("GET", `${path}/decisions?limit=${RECORDS}`), ask("GET", `${path}/alerts`)]);
    if (state.pool !== shown.pool) return;
    explain(state, decisions);
    warn(alerts);
    charts(state, records, forecast, decisions);
    shown.seq = current.seq;
  } catch (problem) {
    find("summary").textContent = problem.message;
    find("summary").className = "wrong";
  }
}

// Does what somebody asked for, and says how it went.
function act(form, work) {
  find(form).addEventListener(form === "withdraw" ? "click" : "submit", async (event) => {
    event.preventDefault();
    try {
      await work(`pools/${encodeURIComponent(shown.pool)}`);
      find("said").textContent = "Done.";
      find("said").className = "";
    } catch (problem) {
      find("said").textContent = problem.message;
      find("said").className = "wrong";
    }
    shown.seq = null;
    refresh();
  });
}

act("order", async (path) => {
  const state = await ask("GET", path);
  // time is what the records say where they are not of today
  const newest = Date.parse(state.newest ?? new Date().toISOString());
  const now = Math.abs(Date.now() - newest) < 6 * 3600e3 ? Date.now() : newest;
  const until = new Date(now + Number(find("minutes").value) * 60e3).toISOString();
  await ask("PUT", `${path}/order`, { order: { [find("what").value]: Number(find("count").value) }, until });
});
act("withdraw", (path) => ask("DELETE", `${path}/order`));
act("pause", (path) => ask("PUT", `${path}/pause`, { pause: find("paused").value }));
find("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", find("key").value);
  find("key").value = "";
  [shown.role, shown.seq] = [null, null];
  refresh();
});

window.addEventListener("resize", () => { shown.seq = null; });

// Asks again once the last answer is there, and only while somebody looks.
async function watch() {
  if (!document.hidden) await refresh();
  setTimeout(watch, EVERY_MS);
}
watch();
