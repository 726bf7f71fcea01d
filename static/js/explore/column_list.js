// The columns panel: finding a column by name, and dragging columns into order.

import { each, find, on } from "../app/dom.js";

on("input", ({ target }) => {
  if (!target.matches("[data-narrow]")) return;
  const text = target.value.toLowerCase();
  each("li", (item) => { item.hidden = !item.dataset.name.toLowerCase().includes(text); }, find(target.dataset.narrow));
});

let dragged = null;
on("dragstart", ({ target }) => { dragged = target.closest?.("#columns-list > li") ?? null; });
on("dragover", (event) => {
  const over = dragged && event.target.closest("#columns-list > li[draggable]");
  if (!over || over === dragged) return;
  event.preventDefault();
  const { top, height } = over.getBoundingClientRect();
  over[event.clientY < top + height / 2 ? "before" : "after"](dragged);
});
on("dragend", () => {
  dragged?.closest("form").requestSubmit();
  dragged = null;
});

export function prepare(root) {
  each(".narrow", (field) => { field.hidden = false; }, root);
}
