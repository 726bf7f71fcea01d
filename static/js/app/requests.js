// Requests of htmx: the CSRF token, busy buttons, errors, polling only while the page is visible.

import { announceChanges, showRequestError } from "./announcements.js";
import { each, find, meta, on } from "./dom.js";

const isPoll = (element) => /\bevery\b/.test(element.getAttribute("hx-trigger") ?? "");

on("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") detail.headers["X-CSRFToken"] = meta("csrf-token");
});
on("htmx:beforeRequest", (event) => {
  const { elt, requestConfig } = event.detail;
  if (document.hidden && isPoll(elt)) return event.preventDefault();
  requestConfig.triggeringEvent?.submitter?.setAttribute("aria-busy", "true");
});
on("htmx:afterRequest", ({ detail }) => {
  detail.requestConfig.triggeringEvent?.submitter?.removeAttribute("aria-busy");
  if (detail.successful) find("#trouble")?.remove();
});
for (const type of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  on(type, ({ detail }) => {
    showRequestError(isPoll(detail.elt) ? "Could not refresh; trying again." : "That did not go through. Try once more.");
  });
}
on("visibilitychange", () => {
  if (!document.hidden) each('[hx-trigger*="every"]', (node) => node.dispatchEvent(new Event("refresh")));
});

// A swap keeps the <details> open that were open before.
let open = [];
const nameOf = (details) => details.id || find("summary", details)?.textContent;

on("htmx:beforeSwap", ({ detail }) => {
  open = Array.from(detail.target.querySelectorAll("details[open]"), nameOf);
});
on("htmx:afterSwap", ({ detail }) => {
  const root = document.getElementById(detail.target.id);
  if (!root || root.matches(".drawer")) return;
  each("details", (node) => { node.open ||= open.includes(nameOf(node)); }, root);
  announceChanges();
});
