// Exploring a result: the grid and the panel beside it. Loaded by the pages that show rows (docs/design-system.md).
// Everything here has a link or a form that does the same without it.

import { each, find, on } from "./app.js";

// --- The grid keeps its place ------------------------------------------------------------------

// Down only when it refreshed itself: another page starts at its top.
let kept = { left: 0, top: 0, focus: false };

on("htmx:beforeSwap", ({ detail: { target, requestConfig } }) => {
  const grid = find(".grid-scroll", target);
  kept = { left: grid?.scrollLeft ?? 0, top: requestConfig.elt === target ? (grid?.scrollTop ?? 0) : 0, focus: grid === document.activeElement };
});
on("htmx:afterSwap", ({ detail: { target, requestConfig } }) => {
  const root = document.getElementById(target.id);
  if (root?.matches(".drawer")) return openDrawer(root, requestConfig);
  const grid = root && find(".grid-scroll", root);
  grid?.scrollTo({ left: kept.left, top: kept.top, behavior: "instant" });
  if (kept.focus) grid?.focus({ preventScroll: true });
  markRow();
});

// --- The panel beside the grid -----------------------------------------------------------------

let openPath = "";

function openDrawer(drawer, { path }) {
  openPath = path.split("?")[0];
  markRow();
  const heading = find("h2, h3", drawer);
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

// The row shown in the panel is marked wherever it is after paging and sorting.
function markRow() {
  each(".grid tr.is-open", (row) => row.classList.remove("is-open"));
  const link = openPath && find(`.grid .c-row a[href="${CSS.escape(openPath)}"], .grid .c-row a[href^="${CSS.escape(openPath)}?"]`);
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
function openRow({ target }) {
  const cell = target.closest(".grid tbody td");
  if (!cell || target.closest("a, button, input, label, summary") || !getSelection().isCollapsed) return;
  find(".c-row a", cell.parentElement)?.click();
}

on("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (closer) close(closer.dataset.close);
  openRow(event);
});
on("keydown", ({ key, target }) => {
  if (key === "Escape" && !target.closest("details.menu[open]") && target.closest(".drawer")) close(".drawer");
});
