// The grid: its scroll position and focus across swaps, sorting by several columns, walking over the cells by keys.

import { find, on } from "../app/dom.js";
import { addressWith, go, isUnmodified } from "./navigation.js";
import { markRow, showPanel } from "./row_panel.js";

// The vertical position is kept only when the grid refreshed itself: another page starts at its top.
let saved = { left: 0, top: 0, focus: false, panel: 0 };

on("htmx:beforeSwap", ({ detail: { target, requestConfig } }) => {
  const grid = find(".grid-scroll", target);
  saved = {
    left: grid?.scrollLeft ?? 0,
    top: requestConfig.elt === target ? (grid?.scrollTop ?? 0) : 0,
    focus: target.contains(document.activeElement),
    panel: target.scrollTop,
  };
});
on("htmx:afterSwap", ({ detail: { target, requestConfig } }) => {
  const root = document.getElementById(target.id);
  if (root?.matches(".drawer")) return showPanel(root, requestConfig, saved.panel);
  const grid = root && find(".grid-scroll", root);
  grid?.scrollTo({ left: saved.left, top: saved.top, behavior: "instant" });
  markRow();
});
on("htmx:afterSettle", ({ detail: { target } }) => {
  // The element that had the focus, a chip or a form, may be gone.
  if (saved.focus && document.activeElement === document.body) find(".grid-scroll", target)?.focus({ preventScroll: true });
  saved.focus = false;
});

// Shift and a click on a column's head add the column to the sort: ascending, descending, removed.
on("click", (event) => {
  const head = event.shiftKey && event.target.closest(".grid th > a[id]")?.parentElement;
  if (!head) return;
  event.preventDefault();
  event.stopPropagation();
  const { column } = head.dataset;
  go(addressWith((parameters) => {
    const sorts = parameters.getAll("sort");
    const at = sorts.findIndex((sort) => sort === column || sort === `-${column}`);
    if (at < 0) sorts.push(column);
    else sorts.splice(at, 1, ...(sorts[at] === column ? [`-${column}`] : []));
    parameters.delete("sort");
    for (const sort of sorts) parameters.append("sort", sort);
  }));
}, { capture: true });

// Arrow keys move between cells and Enter opens the menu of one; the grid itself is one tab stop.
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

on("keydown", (event) => {
  const { key, target } = event;
  const node = target.closest(".grid tbody td, .json .leaf");
  if (key === "Enter" && node) node.click();
  const move = STEPS[key];
  if (!move || !isUnmodified(event) || !(node?.matches("td") || (key === "ArrowDown" && target.matches(".grid-scroll")))) return;
  const { rows } = find(".grid tbody", target.closest(".grid-scroll"));
  const at = node ? [Array.from(rows).indexOf(node.parentElement) + move[0], node.cellIndex + move[1]] : [0, 1];
  const cell = rows[at[0]]?.cells[at[1]];
  if (!cell?.matches("td")) return;
  event.preventDefault();
  node?.removeAttribute("tabindex");
  cell.tabIndex = -1;
  cell.focus();
});
