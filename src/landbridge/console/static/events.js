// The page of events says when it has missed the stream, and that nothing is missing.
"use strict";
(() => {
  const time = (at) => new Date(at).toLocaleTimeString();
  document.addEventListener("landbridge:back", (event) => {
    const line = document.getElementById("resumed"), {since, until} = event.detail;
    line.textContent = `landbridge did not answer from ${time(since)} to ${time(until)}. It goes on, and the list has what happened meanwhile.`;
    line.hidden = false;
  });
})();
