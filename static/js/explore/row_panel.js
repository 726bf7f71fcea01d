// The panel beside the grid: a row, the columns or one column.

import { announce } from "../app/announcements.js";
import { each, find, on } from "../app/dom.js";
import { isUnmodified } from "./navigation.js";

let openPath = "";

// Call after the panel's content was replaced by the request.
export function showPanel(drawer, { path, triggeringEvent }, scrollTop) {
  openPath = path.split("?")[0];
  markRow();
  // The panel followed a change of the grid: leave the focus where it is.
  if (triggeringEvent?.type === "view-changed") return drawer.scrollTo({ top: scrollTop, behavior: "instant" });
  drawer.scrollTo({ top: 0, behavior: "instant" });
  const heading = find("h2", drawer);
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

// Marks the row shown in the panel, wherever it is after paging and sorting.
export function markRow() {
  each(".grid tr.is-open", (row) => row.classList.remove("is-open"));
  const path = CSS.escape(openPath);
  const link = openPath && find(`.grid .c-row a:is([href="${path}"], [href^="${path}\\?"])`);
  if (link) link.closest("tr").classList.add("is-open");
  return link;
}

function closePanel(selector) {
  const link = markRow() || find("#columns-button");
  find(selector)?.replaceChildren();
  openPath = "";
  markRow();
  if (link) link.focus();
}

// A click would be lost when a key follows before htmx has processed the new content.
export const openRow = (link) => find("#drawer") ? window.htmx.ajax("GET", link.getAttribute("href"), { target: "#drawer", swap: "innerHTML" }) : link.click();

// j and k open the next and the previous row, while the focus is in the results.
function openNeighbour(key) {
  const link = find(key === "j" ? "#row-following" : "#row-previous") ?? (openPath ? null : find(".grid .c-row a"));
  if (link) openRow(link);
  else announce(key === "j" ? "No row after this one" : "No row before this one");
}

on("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (closer) closePanel(closer.dataset.close);
});
on("keydown", (event) => {
  const { key, target } = event;
  if (key === "Escape" && !target.closest("details.menu[open], [popover]") && target.closest(".drawer")) closePanel(".drawer");
  const typing = target.closest("input, select, textarea");
  if ((key === "j" || key === "k") && isUnmodified(event) && !typing && target.closest(".results-body")) openNeighbour(key);
});
