// What each connection of a list carries, as a line: for the rows in sight, in one request.
"use strict";
(() => {
  const EVERY = 30000, MOST = 25, SVG = "http://www.w3.org/2000/svg";
  const seen = new Set(), asked = new WeakMap();
  let busy = false, soon = 0;
  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) seen.add(entry.target);
      else seen.delete(entry.target);
    }
    look();
  });
  function watch() {
    for (const each of [...seen]) if (!each.isConnected) seen.delete(each);
    document.querySelectorAll("[data-spark]").forEach((each) => sight.observe(each));
  }
  function look() {
    clearTimeout(soon);
    soon = setTimeout(ask, 150);
  }
  async function ask() {
    const now = Date.now();
    const due = [...seen].filter((each) => each.isConnected && now - (asked.get(each) || 0) >= EVERY).slice(0, MOST);
    if (busy || document.hidden || !due.length) return;
    busy = true;
    due.forEach((each) => asked.set(each, now));
    try {
      const query = new URLSearchParams(due.map((each) => ["id", each.dataset.spark]));
      const answer = await fetch(`/console/connections/sparklines?${query}`, {headers: {"HX-Request": "true"}, cache: "no-store"});
      if (answer.ok) {
        const told = await answer.json();
        due.forEach((each) => draw(each, told[each.dataset.spark]));
      }
    } catch { /* the page's banner tells it */ }
    busy = false;
    look();
  }
  function draw(holder, told) {
    if (!told || !told.points) return;
    const svg = document.createElementNS(SVG, "svg"), line = document.createElementNS(SVG, "polyline");
    svg.setAttribute("viewBox", "0 0 84 18");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("points", told.points);
    svg.append(line);
    const now = document.createElement("span");
    now.className = "under";
    now.textContent = told.now;
    holder.replaceChildren(svg, now);
  }
  document.addEventListener("htmx:after:swap", watch);
  setInterval(look, EVERY);
  watch();
})();
