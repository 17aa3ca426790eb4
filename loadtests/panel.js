// The panel under Locust's page: the load by second with the scenario's phases, what happens now, and what was kept.
"use strict";

(() => {
  const PERIOD_MS = 1000;
  const WIDTH = 1000, HEIGHT = 190, TOP = 26, BOTTOM = 22, LEFT = 36;
  const SERIES = [["good", "#2e9e5b", "answered well"], ["stale", "#d9a21b", "answered with an old answer"], ["failed", "#d64545", "failed"], ["dropped", "#8a8a8a", "dropped"]];
  const SHADES = { warm: "#8884", steady: "#8881", fault: "#d6454533", recovery: "#3b82f622" };

  const root = document.getElementById("goaround");
  root.innerHTML = `
    <style>
      #goaround { font: 14px/1.5 Roboto, Arial, sans-serif; color: #222; max-width: 1200px; margin: 1em auto; padding: 0 1.5em 2em; }
      #goaround svg { width: 100%; height: auto; display: block; }
      #goaround text { font: 12px Roboto, Arial, sans-serif; fill: currentColor; }
      #goaround table { border-collapse: collapse; width: 100%; }
      #goaround th, #goaround td { text-align: left; padding: .25em .75em .25em 0; vertical-align: top; }
      #goaround a { color: #15803d; }
      #goaround.dark { color: #eee; } #goaround.dark a { color: #86efac; }
      #goaround .key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
    </style>
    <p role="status" aria-live="polite"></p><figure style="margin:0"></figure><section></section>`;
  const [status, chart, kept] = ["p", "figure", "section"].map((name) => root.querySelector(name));

  const escaped = (text) => Object.assign(document.createElement("i"), { textContent: text }).innerHTML;

  function drawn({ phases, seconds, duration, now }) {
    const most = Math.max(1, ...seconds.map((one) => SERIES.reduce((sum, [key]) => sum + one[key], 0)));
    const x = (at) => LEFT + (at / duration) * (WIDTH - LEFT);
    const y = (n) => HEIGHT - BOTTOM - (n / most) * (HEIGHT - TOP - BOTTOM);
    const shade = ({ name, start, end }) =>
      `<rect x="${x(start)}" y="0" width="${x(end) - x(start)}" height="${HEIGHT - BOTTOM}" fill="${SHADES[name]}"/>
       <text x="${x(start) + 4}" y="14">${escaped(name)}</text>`;
    const bars = (one, second) => {
      let height = 0;
      return SERIES.map(([key, colour]) => {
        const bar = `<rect x="${x(second) + 1}" width="${Math.max(1, x(Math.min(second + 1, duration)) - x(second) - 2)}"
          y="${y(height + one[key])}" height="${y(height) - y(height + one[key])}" fill="${colour}"/>`;
        height += one[key];
        return bar;
      }).join("");
    };
    const ticks = [0, duration / 2, duration].map((at) =>
      `<text x="${x(at)}" y="${HEIGHT - 6}" text-anchor="${at ? (at === duration ? "end" : "middle") : "start"}">${at.toFixed(1)} s</text>`);
    const hand = now === null ? "" : `<line x1="${x(now)}" x2="${x(now)}" y1="0" y2="${HEIGHT - BOTTOM}" stroke="currentColor"/>`;
    const legend = SERIES.map(([, colour, label]) => `<span class="key" style="background:${colour}"></span>${label}`).join("");
    return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="frames by the second for which they were intended">
      ${phases.map(shade).join("")}<text x="0" y="${TOP + 8}">${most}/s</text>${seconds.map(bars).join("")}${ticks.join("")}${hand}</svg>
      <figcaption>frames by the second for which they were intended ${legend}</figcaption>`;
  }

  function listed(runs) {
    const row = ({ run, arm, scenario, void: reasons }) => `<tr><td>${escaped(arm)}</td><td>${escaped(scenario)}</td>
      <td><a href="goaround/report/${encodeURIComponent(run)}" target="_blank">report of ${escaped(run)}</a></td>
      <td>${reasons.length ? "void: " + escaped(reasons.join("; ")) : "measured"}</td></tr>`;
    return runs.length ? `<h3>Kept</h3><table><tr><th>arm</th><th>scenario</th><th>report</th><th>state</th></tr>${runs.map(row).join("")}</table>` : "";
  }

  // Locust folds away the fields that say what is run: unfold them, once for each form
  function unfold() {
    for (const button of document.querySelectorAll("button[aria-expanded=false]")) {
      if (button.textContent.includes("Custom parameters") && !button.dataset.unfolded) {
        button.dataset.unfolded = "yes";
        button.click();
      }
    }
  }

  async function refresh() {
    unfold();
    try {
      const state = await (await fetch("goaround/state")).json();
      status.textContent = state.status;
      chart.innerHTML = state.duration === null ? "" : drawn(state);
      kept.innerHTML = listed(state.kept);
    } catch {
      status.textContent = "Locust does not answer any more";
    }
    // Locust keeps its own choice of dark or light to itself: the page's background says it
    const [red] = getComputedStyle(document.body).backgroundColor.match(/\d+/g) || [255];
    root.classList.toggle("dark", red < 128);
    setTimeout(refresh, PERIOD_MS);
  }

  refresh();
})();
