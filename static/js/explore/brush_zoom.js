// Zooming into a time range: a drag over the bars, and arrow keys from bar to bar.

import { each, on } from "../app/dom.js";
import { go } from "./navigation.js";

function brush(start) {
  const chart = start.target.closest(".chart[data-brush]");
  if (!chart || start.button) return;
  const bars = Array.from(chart.querySelectorAll("a"));
  const box = chart.getBoundingClientRect();
  const barAt = (x) => Math.max(0, Math.min(bars.length - 1, Math.floor(((x - box.left) / box.width) * bars.length)));
  const shade = chart.appendChild(document.createElementNS(chart.namespaceURI, "rect"));
  shade.setAttribute("class", "brush");
  shade.setAttribute("height", "100%");
  let span = null;
  const move = ({ clientX }) => {
    if (!span && Math.abs(clientX - start.clientX) < 6) return;
    span = [barAt(start.clientX), barAt(clientX)].sort((a, b) => a - b);
    shade.setAttribute("x", `${(100 * span[0]) / bars.length}%`);
    shade.setAttribute("width", `${(100 * (span[1] - span[0] + 1)) / bars.length}%`);
  };
  const end = (event) => {
    removeEventListener("pointermove", move);
    shade.remove();
    if (!span || event.type === "pointercancel") return;
    // Suppress the click that ends the drag, or it would follow the bar's link.
    addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
    setTimeout(() => go(chart.dataset.brush
      .replace("%7Blow%7D", encodeURIComponent(bars[span[0]].dataset.low))
      .replace("%7Bhigh%7D", encodeURIComponent(bars[span[1]].dataset.high))));
  };
  addEventListener("pointermove", move);
  for (const type of ["pointerup", "pointercancel"]) addEventListener(type, end, { once: true });
}

on("pointerdown", brush);
on("dragstart", (event) => {
  if (event.target.closest?.(".chart")) event.preventDefault();
});
on("keydown", (event) => {
  const bar = event.target.closest(".chart a");
  const next = bar && { ArrowLeft: bar.previousElementSibling, ArrowRight: bar.nextElementSibling }[event.key];
  if (!next?.matches("a")) return;
  event.preventDefault();
  next.focus();
});

export function prepare(root) {
  each(".brush-hint", (hint) => { hint.hidden = false; }, root);
  each(".chart[data-brush] a:not(:first-of-type)", (bar) => bar.setAttribute("tabindex", "-1"), root);
}
