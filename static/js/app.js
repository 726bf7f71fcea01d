// Querydeck in the browser: small behaviours over pages that work without them.
// Events are delegated from the document, nothing is global, styles are set through the CSSOM only (strict CSP).
// The attributes read here are listed in docs/design-system.md.

export const find = (selector, root = document) => root.querySelector(selector);
export const each = (selector, visit, root = document) => root.querySelectorAll(selector).forEach(visit);
export const on = (type, handle, options) => document.addEventListener(type, handle, options);
export const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
const meta = (name) => find(`meta[name="${name}"]`)?.content ?? "";

// --- Saying things -----------------------------------------------------------------------------

export function announce(text) {
  const node = find("#announcer");
  if (node) node.textContent = text;
}

// What was said last per element, so that a poll that changes nothing stays silent.
const said = new Map();

function announceChanges(quietly) {
  each("[data-announce], .status--large", (node) => {
    const key = node.id || node.closest("[id]")?.id || "";
    const text = node.dataset.announce ?? node.textContent.trim();
    if (!quietly && said.get(key) !== text) announce(text);
    said.set(key, text);
  });
}

function showTrouble(text) {
  const template = find("#trouble-template");
  if (!template || find("#trouble")) return;
  const toast = template.content.cloneNode(true);
  find("p", toast).textContent = text;
  find("#toasts").append(toast);
}

// --- Requests of htmx --------------------------------------------------------------------------

const polls = (element) => /\bevery\b/.test(element.getAttribute("hx-trigger") ?? "");

on("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") detail.headers["X-CSRFToken"] = meta("csrf-token");
});
on("htmx:beforeRequest", (event) => {
  const { elt, requestConfig } = event.detail;
  if (document.hidden && polls(elt)) return event.preventDefault();
  requestConfig.triggeringEvent?.submitter?.setAttribute("aria-busy", "true");
});
on("htmx:afterRequest", ({ detail }) => {
  detail.requestConfig.triggeringEvent?.submitter?.removeAttribute("aria-busy");
  if (detail.successful) find("#trouble")?.remove();
});
for (const type of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  on(type, ({ detail }) => showTrouble(polls(detail.elt) ? "Could not refresh; trying again." : "That did not go through. Try once more."));
}
on("visibilitychange", () => {
  if (!document.hidden) each('[hx-trigger*="every"]', (node) => node.dispatchEvent(new Event("refresh")));
});

// What is replaced keeps the details that the reader opened.
let opened = [];
const nameOf = (details) => details.id || find("summary", details)?.textContent;

on("htmx:beforeSwap", ({ detail }) => {
  opened = Array.from(detail.target.querySelectorAll("details[open]"), nameOf);
});
on("htmx:afterSwap", ({ detail }) => {
  const root = document.getElementById(detail.target.id);
  if (!root || root.matches(".drawer")) return;
  each("details", (node) => { node.open ||= opened.includes(nameOf(node)); }, root);
  announceChanges();
});

// --- Forms -------------------------------------------------------------------------------------

const confirmed = new WeakSet();
const busy = new WeakSet();

function askFirst(event) {
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

function setBusy(form, button, yes) {
  if (yes) busy.add(form);
  else busy.delete(form);
  if (!button) return;
  button.toggleAttribute("disabled", yes);
  if (yes) button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}

// The server has the last word on doubles (a one-time key); this spares people the wait.
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

on("submit", askFirst, { capture: true });
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

// --- Menus, copying, dismissing ----------------------------------------------------------------

// Open menus are fixed to the window: no scrolling box cuts them off.
export function place(body, by, end = false) {
  const { left, right, top, bottom } = by.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = body;
  const above = bottom + height + 12 > innerHeight && top > height + 12;
  Object.assign(body.style, {
    position: "fixed", inset: "auto", margin: 0,
    left: `${Math.max(8, Math.min(end ? right - width : left, document.documentElement.clientWidth - width - 8))}px`,
    top: `${above ? top - height - 6 : Math.min(bottom + 6, innerHeight - height - 8)}px`,
  });
}

const follow = (menu) => place(find(".menu-body", menu), find("summary", menu), !menu.matches(".menu--start"));

function closeMenus(except) {
  each("details.menu[open]", (menu) => {
    if (!menu.contains(except)) menu.open = false;
  });
}

async function copy(button) {
  const source = button.dataset.copy && find(button.dataset.copy);
  const text = button.dataset.copyText ?? source?.value ?? source?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard outside https and localhost: select the text, so that a key press copies it.
    if (source) getSelection().selectAllChildren(source);
    return announce("Selected: press Ctrl+C to copy");
  }
  button.classList.add("is-copied");
  announce("Copied");
  setTimeout(() => button.classList.remove("is-copied"), 1600);
}

on("click", (event) => {
  const { target } = event;
  closeMenus(target);
  const button = target.closest("[data-copy], [data-copy-text]");
  if (button) copy(button);
  target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove();
});
on("toggle", ({ target }) => {
  const menu = target.closest("details.menu[open]"); // it, or what opened in it
  if (menu) follow(menu);
}, { capture: true });
on("scroll", ({ target }) => {
  if (!target.closest?.(".menu-body")) each("details.menu[open]", follow);
}, { capture: true, passive: true });
on("keydown", ({ key, target }) => {
  if (key !== "Escape") return;
  const menu = target.closest("details.menu[open]");
  if (menu) find("summary", menu).focus();
  closeMenus(null);
});

// --- Time --------------------------------------------------------------------------------------

// The server's clock counts: the reader's may be wrong.
const skew = Date.now() - (Date.parse(meta("now")) || Date.now());
const age = (moment) => (Date.now() - skew - Date.parse(moment)) / 1000;
const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

// The same words as the filters of queries/templatetags/querydeck.py
function relative(seconds) {
  const size = Math.abs(seconds);
  if (size < 45) return "just now";
  const [unit, word] = UNITS.find(([least]) => size >= least) ?? UNITS[2];
  const amount = `${Math.max(Math.round(size / unit), 1)} ${word}`;
  return seconds < 0 ? `in ${amount}` : `${amount} ago`;
}

function duration(seconds) {
  if (seconds < 10) return `${Math.max(seconds, 0).toFixed(1)} s`;
  const found = UNITS.find(([least]) => seconds >= least);
  if (!found) return `${Math.floor(seconds)} s`;
  const [unit, word, below, part] = found;
  const rest = Math.floor((seconds % unit) / below);
  return `${Math.floor(seconds / unit)} ${word}${rest ? ` ${rest} ${part}` : ""}`;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function tick() {
  if (document.hidden) return;
  each("[data-elapsed-since]", (node) => setText(node, duration(age(node.dataset.elapsedSince))));
  each("time[data-relative]", (node) => setText(node, relative(age(node.dateTime))));
  each("[data-autohide]:not(:hover, :focus-within)", (toast) => {
    toast.dataset.autohide = Number(toast.dataset.autohide) + 1;
    if (toast.dataset.autohide > 6) toast.remove();
  });
}

function rememberZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone) document.cookie = `tz=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

// --- Start -------------------------------------------------------------------------------------

announceChanges(true);
rememberZone();
setInterval(tick, 1000);
find("[data-error-summary]")?.focus();
