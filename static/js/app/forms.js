// Forms: confirmation, protection against a second submit, the theme switch, submitting on change.

import { each, find, on } from "./dom.js";

const confirmed = new WeakSet();
const busy = new WeakSet();

function confirmFirst(event) {
  const form = event.target;
  const dialog = find("#confirm");
  if (!form.dataset.confirm || confirmed.delete(form) || !dialog) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { confirm, confirmTitle, confirmAction } = form.dataset;
  find("#confirm-title").textContent = confirmTitle ?? "Are you sure?";
  find("#confirm-text").textContent = confirm;
  find("[data-confirm-yes]").textContent = confirmAction ?? "Continue";
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    confirmed.add(form);
    form.requestSubmit(event.submitter);
  }, { once: true });
}

function setBusy(form, button, isBusy) {
  if (isBusy) busy.add(form);
  else busy.delete(form);
  if (!button) return;
  button.toggleAttribute("disabled", isBusy);
  if (isBusy) button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}

// The server detects duplicates by a one-time key; this only avoids sending them.
function submitOnce(event) {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.method !== "post") return;
  if (busy.has(form)) return event.preventDefault();
  busy.add(form);
  setTimeout(() => setBusy(form, submitter, true)); // after the browser has read the button's value
  setTimeout(() => setBusy(form, submitter, false), "download" in form.dataset ? 2000 : 20000);
}

function switchTheme(event) {
  const { target: form, submitter } = event;
  if (!("themeForm" in form.dataset) || !submitter) return;
  event.preventDefault();
  document.documentElement.dataset.theme = submitter.value;
  each("[name=theme]", (button) => button.setAttribute("aria-pressed", String(button === submitter)), form);
  fetch(form.action, { method: "POST", body: new FormData(form, submitter), redirect: "manual" });
}

on("submit", confirmFirst, { capture: true });
on("submit", (event) => {
  switchTheme(event);
  submitOnce(event);
});
on("change", ({ target }) => {
  if (target.matches("[data-autosubmit]")) target.form.requestSubmit();
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) each("form [aria-busy]", (button) => setBusy(button.form, button, false));
});

find("[data-error-summary]")?.focus();
