// What pages do by themselves: they stay true. Nothing of it is needed to read or to change something.
//
// - Times go on counting.
// - Events of the API are a hint: fragments (`data-live`) ask again for what they show.
// - While the API is away a banner says so and since when, what is shown stays, and it is tried again
//   with growing pauses. Without a stream fragments ask from time to time.
"use strict";
(() => {
  const APART = 1000, SOON = 100, SLOW = 60000, WITHOUT = 10000, LONGEST = 30000, LATE = 10000;
  const body = document.body;
  const banner = document.getElementById("banner");
  const light = document.getElementById("live");
  let source = null, pause = 1000, again = 0, heard = Date.now(), away = false;

  // Times: the same steps as in words.py.
  const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];
  function ago(text) {
    const seconds = Math.max(0, (Date.now() - Date.parse(text)) / 1000);
    if (Number.isNaN(seconds)) return text;
    if (seconds < 5) return "just now";
    const [, unit, name] = STEPS.find(([most]) => seconds < most);
    return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  // `data-local`: a moment by the viewer's clock and in its way of writing.
  const clock = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});
  function local(text) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? text : clock.format(at);
  }
  function count() {
    for (const each of document.querySelectorAll("time[data-local]")) {
      const text = local(each.dateTime);
      if (each.textContent !== text) each.textContent = text;
    }
    for (const each of document.querySelectorAll("time[data-ago]")) {
      const text = ago(each.dateTime);
      if (each.textContent !== text) each.textContent = text;
    }
  }
  setInterval(count, 5000);

  // Fragments ask again: once per `data-apart` at most, and not while nobody looks; `data-settle` ms after
  // the hint, where the API keeps its answer for a while; and up to `data-spread` ms later, so that not all
  // who look ask in the same moment.
  // One that has an answer on its way, its own or a search's, waits for it: it would be dropped else.
  const waiting = new Map(), asked = new WeakMap();
  function busy(fragment) {
    return fragment.matches(".htmx-request")
      || (fragment.id === "fragment" && document.querySelector("form[data-address].htmx-request"));
  }
  function ask(fragment) {
    if (fragment.isConnected && busy(fragment)) {
      waiting.set(fragment, setTimeout(() => ask(fragment), SOON));
      return;
    }
    waiting.delete(fragment);
    asked.set(fragment, Date.now());
    fragment.dispatchEvent(new CustomEvent("refresh"));
  }
  function refresh(fragment) {
    if (!fragment.isConnected || document.hidden || waiting.has(fragment)) return;
    const apart = Number(fragment.dataset.apart) || APART;
    const since = Date.now() - (asked.get(fragment) || 0);
    const settle = Math.max(Number(fragment.dataset.settle) || 0, apart - since);
    const spread = Math.random() * (Number(fragment.dataset.spread) || 0);
    waiting.set(fragment, setTimeout(() => ask(fragment), settle + spread));
  }
  function refreshAll() {
    document.querySelectorAll("[data-live]").forEach(refresh);
  }
  function concerns(fragment, event) {
    // Each a kind, or a kind and an id: "ikepolicy:ID ipsec_site_connection".
    const hit = fragment.dataset.live.split(" ").some((each) => {
      const [kind, id] = each.split(":");
      return kind === "*" || (kind === event.resource && (!id || id === event.id));
    });
    if (!hit) return false;
    return !fragment.dataset.liveId || fragment.dataset.liveId === event.id;
  }

  // The banner.
  function say(text, link) {
    if (!banner) return;
    banner.replaceChildren(text);
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link.href;
      anchor.textContent = link.text;
      banner.append(" ", anchor);
    }
    banner.hidden = false;
  }
  function show(state, word) {
    if (!light || light.dataset.state === state) return;
    light.dataset.state = state;
    light.querySelector(".word").textContent = word;
  }
  function lost() {
    if (!away) {
      away = true;
      const at = new Date(heard).toLocaleTimeString();
      say(`landbridge does not answer. What you see is from ${at}; it is tried again.`);
    }
    show("away", "Not connected");
  }
  function found() {
    const since = heard;
    heard = Date.now();
    if (away) {
      away = false;
      document.dispatchEvent(new CustomEvent("landbridge:back", {detail: {since, until: heard}}));
      if (banner) banner.hidden = true;
      refreshAll();
    }
  }
  function ended() {
    stop();
    clearTimeout(again);
    const back = encodeURIComponent(location.pathname + location.search);
    show("away", "Signed out");
    say("Your session has ended.", {href: `/console/sign-in?ended=1&next=${back}`, text: "Sign in again"});
    body.removeAttribute("data-follow");
  }

  // The stream. `kinds`: each kind of event has a name of its own on it.
  const KINDS = ["created", "updated", "deleted", "up", "partial", "down", "applied", "status",
    "reason", "silent", "heard", "rekeyed", "peer-moved", "replaced"];
  function hint(message) {
    found();
    let event = {};
    try { event = JSON.parse(message.data); } catch { /* a hint without words */ }
    event.kind = message.type;
    document.dispatchEvent(new CustomEvent("landbridge:event", {detail: event}));
    for (const fragment of document.querySelectorAll("[data-live]")) {
      if (concerns(fragment, event)) refresh(fragment);
    }
  }
  function follow() {
    if (!body.dataset.follow || source || document.hidden) return;
    source = new EventSource(body.dataset.follow);
    source.onopen = () => {
      pause = 1000;
      show("live", "Live");
      found();
      // What happened after the page was made and before the stream began, or while it was away.
      refreshAll();
    };
    for (const kind of KINDS) source.addEventListener(kind, hint);
    source.addEventListener("reset", () => { found(); refreshAll(); });
    source.onerror = async () => {
      stop();
      await look();
      if (!body.dataset.follow) return;
      again = setTimeout(follow, pause + Math.random() * pause / 2);
      pause = Math.min(2 * pause, LONGEST);
    };
  }
  function stop() {
    if (source) source.close();
    source = null;
  }
  // Why there is no stream: the API is away, the session has ended, or there are enough streams.
  async function look() {
    try {
      const answer = await fetch("/console/here", {headers: {"HX-Request": "true"}, cache: "no-store", signal: AbortSignal.timeout(LATE)});
      if (answer.status === 401) return ended();
      if (answer.status >= 500) return lost();
      found();
      show("slow", "Every 10 s");
    } catch {
      lost();
    }
  }
  setInterval(() => { if (!source || source.readyState !== 1) refreshAll(); }, WITHOUT);
  setInterval(refreshAll, SLOW);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
      clearTimeout(again);
    } else {
      pause = 1000;
      follow();
      refreshAll();
      count();
    }
  });

  // Fragments' own answers say as well whether the API is there.
  document.addEventListener("htmx:before:response", (event) => {
    const status = event.detail.ctx.response.status;
    if (status === 401) ended();
    else if (status >= 500) lost();
    else found();
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx) lost();
  });
  document.addEventListener("htmx:config:request", (event) => {
    const meta = document.querySelector('meta[name="csrf"]');
    if (meta) event.detail.ctx.request.headers["X-CSRF-Token"] = meta.content;
  });
  // A list that was searched in keeps its address, so that it can be come back to.
  document.addEventListener("htmx:after:swap", (event) => {
    count();
    const from = event.detail.ctx.sourceElement;
    const fragment = document.getElementById("fragment");
    if (from && from.matches("form[data-address]") && fragment && fragment.dataset.address) {
      history.replaceState(null, "", fragment.dataset.address);
    }
  });
  // A menu closes when it is left.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((each) => { each.open = false; });
  });

  count();
  follow();
})();
