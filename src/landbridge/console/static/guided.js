// A form that is checked while it is filled in (new_connection_form.html). Without this it works as a form.
//
// - What is wrong with a field is told to assistive technology as well: fields are the browser's own and
//   not replaced by an answer (hx-morph-skip).
// - What was unfolded stays so. A key that was made is checked like one that was typed.
// - While it is made nothing is checked, and what was made is not made again.
// - After a refusal the first field that is wrong has the focus.
"use strict";
(() => {
  const form = () => document.getElementById("guided");
  const makes = (element) => Boolean(element && element.matches("button[value=make]"));
  let making = false, made = false;

  function tell() {
    for (const place of form().querySelectorAll("[data-wrong-of]")) {
      const field = document.getElementById(place.dataset.wrongOf);
      if (!field || field.tagName === "FIELDSET") continue;
      if (place.textContent.trim()) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }

  document.addEventListener("htmx:config:request", (event) => {
    const from = event.detail.ctx.sourceElement;
    if (makes(from)) {
      if (making || made) event.preventDefault();
      making = true;
      form().dispatchEvent(new CustomEvent("htmx:abort"));
    } else if (making && from === form()) {
      event.preventDefault();
    }
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (!makes(event.detail.ctx.sourceElement)) return;
    making = false;
    made = event.detail.ctx.response?.status === 204;
  });
  document.addEventListener("DOMContentLoaded", () => {
    htmx.registerExtension("unfolded", {
      htmx_before_morph_attr: (element, {attrName, newValue}) =>
        !(element.tagName === "DETAILS" && attrName === "open" && newValue === null),
    });
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const from = event.detail.ctx.sourceElement;
    if (!from || !form() || !form().contains(from)) return;
    tell();
    if (makes(from)) {
      const first = form().querySelector(".field.wrong :is(input:not([type=hidden]), select, textarea)");
      if (first) first.focus();
    } else if (from !== form()) {
      form().dispatchEvent(new Event("change", {bubbles: true}));
    }
  });
})();
