// One connection's page: asks for what only the gateway knows, and draws what was carried.
//
// - What has `data-every` is asked for again and again while somebody looks.
// - The plot is drawn from `data-series`; all it says stands beside it as text as well.
"use strict";
(() => {
  function ask(element) {
    element.dispatchEvent(new CustomEvent("refresh"));
  }
  const last = new WeakMap();
  setInterval(() => {
    if (document.hidden) return;
    for (const each of document.querySelectorAll("[data-every]")) {
      const now = Date.now();
      if (!last.has(each)) last.set(each, now);
      if (now - last.get(each) < Number(each.dataset.every)) continue;
      last.set(each, now);
      ask(each);
    }
  }, 1000);

  const PREFIXES = ["", "k", "M", "G", "T"];
  function scaled(number, unit) {
    let step = 0;
    while (number >= 1000 && step < PREFIXES.length - 1) { number /= 1000; step += 1; }
    return `${Number(number.toPrecision(3))} ${PREFIXES[step]}${unit}`;
  }
  const rate = (plot, number) => (number == null ? "–" : scaled(number, "bit/s"));
  const packets = (plot, number) => (number == null ? "–" : `${Number(number.toPrecision(3))} /s`);

  let drawn = [];
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
  // Marks less than a minute apart are told apart by their seconds.
  function clock(at) {
    const close = at.length > 1 && at[1] - at[0] < 60;
    return {hour: "2-digit", minute: "2-digit", ...(close ? {second: "2-digit"} : {})};
  }
  function axes(values) {
    const ink = colour("--dim"), grid = {stroke: colour("--line"), width: 1}, ticks = grid;
    const font = "11px system-ui, sans-serif";
    return [
      {stroke: ink, grid, ticks, font, space: 70,
        values: (plot, at) => at.map((each) => new Date(each * 1000).toLocaleTimeString([], clock(at)))},
      {stroke: ink, grid, ticks, font, size: 82, space: 26, values: (plot, each) => each.map((one) => values(plot, one))},
    ];
  }
  function options(holder, height, series, values) {
    return {
      width: Math.max(holder.clientWidth, 200), height,
      cursor: {sync: {key: "last-hour"}, drag: {x: false, y: false}},
      scales: {y: {range: (plot, low, high) => [0, Math.max(high || 0, 1) * 1.05]}},
      axes: axes(values),
      legend: {live: true},
      series: [{label: "At", value: (plot, at) => (at == null ? "–" : new Date(at * 1000).toLocaleTimeString())}, ...series],
    };
  }
  function draw() {
    const of = document.getElementById("traffic"), holder = document.getElementById("plot");
    if (!of || !holder || !of.dataset.series || typeof uPlot === "undefined") return;
    const told = JSON.parse(of.dataset.series);
    holder.hidden = told.at.length < 2;
    for (const each of drawn) each.destroy();
    drawn = [];
    if (holder.hidden) return;
    const line = (label, name) => ({label, stroke: colour(name), width: 1.5, value: rate, points: {show: false}});
    drawn.push(new uPlot(
      options(holder, 200, [line("From the peer", "--in"), {...line("To the peer", "--out"), dash: [6, 3]}], rate),
      [told.at, told.inward, told.outward], holder));
    if (told.lost) {
      const lost = {label: "Lost from the peer", stroke: colour("--bad"), fill: colour("--bad-soft"), width: 1.5,
        value: packets, points: {show: false}};
      drawn.push(new uPlot(options(holder, 110, [lost], packets), [told.at, told.lost], holder));
    }
  }
  document.addEventListener("htmx:after:swap", (event) => {
    const from = event.detail.ctx.sourceElement;
    if (from && from.id === "traffic") draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let resized = 0;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(draw, 150); });
})();
