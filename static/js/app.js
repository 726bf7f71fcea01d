// Querydeck in the browser: small behaviours over pages that work without them.
// Events are delegated from the document, nothing is global, styles are set through the CSSOM only (strict CSP).
// The attributes read here are listed in docs/design-system.md.

const find = (selector, root = document) => root.querySelector(selector);
const each = (selector, visit, root = document) => root.querySelectorAll(selector).forEach(visit);
const on = (type, handle, options) => document.addEventListener(type, handle, options);
const meta = (name) => find(`meta[name="${name}"]`)?.content ?? "";
const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

// --- Saying things -----------------------------------------------------------------------------

function announce(text) {
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

// What is replaced keeps what the reader did to it: opened details, and where the grid was scrolled to
// (down only when it refreshed itself: another page starts at its top).
let kept = { open: [], left: 0, top: 0 };
const nameOf = (details) => details.id || find("summary", details)?.textContent;

on("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig } = detail;
  const grid = find(".grid-scroll", target);
  const open = Array.from(target.querySelectorAll("details[open]"), nameOf);
  kept = { open, left: grid?.scrollLeft ?? 0, top: requestConfig.elt === target ? (grid?.scrollTop ?? 0) : 0, focus: grid === document.activeElement };
});
on("htmx:afterSwap", ({ detail }) => {
  const root = document.getElementById(detail.target.id);
  if (!root) return;
  if (root.matches(".drawer")) return openDrawer(root, detail.requestConfig.path);
  each("details", (node) => { node.open ||= kept.open.includes(nameOf(node)); }, root);
  const grid = find(".grid-scroll", root);
  grid?.scrollTo({ left: kept.left, top: kept.top, behavior: "instant" });
  if (kept.focus) grid?.focus({ preventScroll: true });
  markRow();
  announceChanges();
});

// --- Row panel ---------------------------------------------------------------------------------

let openPath = "";

function openDrawer(drawer, path) {
  openPath = path;
  markRow();
  const heading = find("h2, h3", drawer);
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

// The row shown in the panel is marked wherever it is after paging and sorting.
function markRow() {
  each(".grid tr.is-open", (row) => row.classList.remove("is-open"));
  const link = openPath && find(`.grid .c-row a[href="${CSS.escape(openPath)}"]`);
  if (link) link.closest("tr").classList.add("is-open");
  return link;
}

function close(selector) {
  const link = markRow();
  find(selector)?.replaceChildren();
  openPath = "";
  markRow();
  if (link) link.focus();
}

// A click anywhere in a row opens it, unless it was the end of selecting text.
function openRow(event) {
  const cell = event.target.closest(".grid tbody td");
  if (!cell || event.target.closest("a, button, input, label, summary") || !getSelection().isCollapsed) return;
  find(".c-row a", cell.parentElement)?.click();
}

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

// Menus are fixed to the window while open, so that no scrolling box cuts them off.
function placeMenu(menu) {
  const body = find(".menu-body", menu);
  const { left, right, top, bottom } = find("summary", menu).getBoundingClientRect();
  const width = body.offsetWidth;
  const wanted = menu.matches(".menu--start") ? left : right - width;
  const above = bottom + body.offsetHeight + 12 > innerHeight && top > body.offsetHeight + 12;
  Object.assign(body.style, {
    position: "fixed", inset: "auto",
    left: `${Math.max(8, Math.min(wanted, document.documentElement.clientWidth - width - 8))}px`,
    top: `${above ? top - body.offsetHeight - 6 : bottom + 6}px`,
  });
}

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
  const closer = target.closest("[data-close]");
  if (closer) close(closer.dataset.close);
  openRow(event);
});
on("toggle", ({ target }) => {
  if (target.matches("details.menu[open]")) placeMenu(target);
}, { capture: true });
on("scroll", ({ target }) => {
  if (!target.closest?.(".menu-body")) closeMenus(null);
}, { capture: true, passive: true });
on("keydown", (event) => {
  const { key, target } = event;
  if (key === "Escape") {
    const menu = target.closest("details.menu[open]");
    if (menu) find("summary", menu).focus();
    else if (target.closest(".drawer")) close(".drawer");
    closeMenus(null);
  }
  if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches(".editor-input")) {
    event.preventDefault();
    target.form?.requestSubmit();
  }
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

// --- Statement editor --------------------------------------------------------------------------

const MOST_PAINTED = 20000; // characters; past this the text stays plain, and typing stays fast
const TOKENS = new RegExp([
  String.raw`(?<c>(?<!:)\/\/.*|\/\*[^]*?\*\/)`,
  String.raw`(?<s>"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)`,
  String.raw`(?<v>\$[dlmp]\b(?:\.[\w@-]+)*)`,
  String.raw`(?<n>\b\d+(?:\.\d+)?(?:ns|us|ms|[smhdw])?\b)`,
  String.raw`(?<k>(?<=^\s*|(?<!\|)\|\s*)[a-z]+\b|\b(?:source|and|or|not|in|as|by|between|into|with|on|asc|desc|true|false|null|select|from|where|group|order|limit|join|having|distinct|case|when|then|else|end|is|like)\b)`,
].join("|"), "gi");

function tokens(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    parts.push(text.slice(end, match.index), make("span", `tok-${kind}`, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end), "\n"];
}

function enhance(area) {
  const box = area.closest(".editor");
  if (!box || box.dataset.ready) return;
  box.dataset.ready = "yes";
  const numbers = make("div", "editor-numbers");
  const layer = make("div", "editor-layer");
  const paint = make("pre", "editor-paint");
  layer.setAttribute("aria-hidden", "true");
  layer.append(paint);
  area.before(layer);
  find(".editor-gutter", box).replaceChildren(numbers);

  const draw = () => {
    const lines = area.value.split("\n").length;
    const painted = area.value.length <= MOST_PAINTED && area.dataset.language !== "text";
    if (numbers.childElementCount !== lines) numbers.replaceChildren(...Array.from({ length: lines }, (_, i) => make("div", "", i + 1)));
    box.classList.toggle("is-painted", painted);
    paint.replaceChildren(...(painted ? tokens(area.value) : []));
    if (!CSS.supports("field-sizing", "content")) area.rows = Math.min(lines + 1, 30);
  };
  const follow = () => {
    layer.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
    numbers.style.transform = `translateY(${-area.scrollTop}px)`;
  };
  draw();
  markError(area, numbers, layer);
  area.addEventListener("scroll", follow, { passive: true });
  area.addEventListener("input", () => {
    each(".editor-mark, .editor-caret", (mark) => mark.remove(), layer);
    each(".is-error", (line) => line.classList.remove("is-error"), numbers);
    draw();
    follow();
  });
}

// data-error-line and data-error-column count from 1, as the provider's messages do.
function markError(area, numbers, layer) {
  const line = Number(area.dataset.errorLine);
  const text = area.value.split("\n")[line - 1];
  if (text === undefined) return;
  numbers.children[line - 1].className = "is-error";
  const mark = make("div", "editor-mark");
  mark.style.setProperty("--line", line - 1);
  layer.prepend(mark);
  const column = Number(area.dataset.errorColumn);
  if (!column) return;
  const caret = make("div", "editor-caret");
  caret.style.setProperty("--line", line - 1);
  caret.style.setProperty("--column", text.slice(0, column - 1).replaceAll("\t", "    ").length);
  layer.append(caret);
}

// --- Start -------------------------------------------------------------------------------------

on("htmx:load", ({ detail }) => each("textarea.editor-input", enhance, detail.elt));
each("textarea.editor-input", enhance);
announceChanges(true);
rememberZone();
setInterval(tick, 1000);
find("[data-error-summary]")?.focus();
