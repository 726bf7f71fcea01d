// Column widths: dragging the edge of a column's head, or a number in the column's panel.

import { each, find, on } from "../app/dom.js";

const widths = new Map();
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);
const heads = () => document.querySelectorAll(".grid th[data-column]");

function applyWidths() {
  sheet.replaceSync(Array.from(heads(), ({ dataset, cellIndex }) => {
    const width = widths.get(dataset.column) ?? Number(dataset.width);
    return width ? `.grid tr > :nth-child(${cellIndex + 1}) { width: ${width}px; min-width: ${width}px; max-width: ${width}px; }` : "";
  }).join(""));
}

on("pointerdown", (event) => {
  const head = event.target.matches(".edge") && event.target.parentElement;
  if (!head) return;
  event.preventDefault();
  const from = head.offsetWidth - event.clientX;
  const move = ({ clientX }) => {
    widths.set(head.dataset.column, Math.round(Math.max(56, Math.min(1200, from + clientX))));
    applyWidths();
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
});
on("change", ({ target: { dataset, value } }) => {
  if (!dataset.widthOf) return;
  widths.set(dataset.widthOf, value && Math.max(56, Math.min(1200, value)));
  applyWidths();
});
on("submit", ({ target }) => {
  const field = find("[data-widths]", target);
  if (!field) return;
  const chosen = Array.from(heads(), ({ dataset }) => [dataset.column, widths.get(dataset.column) ?? Number(dataset.width)]);
  field.value = JSON.stringify(Object.fromEntries(chosen.filter(([, width]) => width)));
}, { capture: true });

export function prepare(root) {
  each(".grid th[data-column]:not(:has(.edge))", (head) => head.append(Object.assign(document.createElement("span"), { className: "edge" })), root);
  applyWidths();
  each("[data-width-of]", (field) => {
    const head = find(`.grid th[data-column="${CSS.escape(field.dataset.widthOf)}"]`);
    field.parentElement.hidden = !head;
    field.value = head?.offsetWidth ?? "";
  }, root);
}
