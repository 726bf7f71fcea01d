// Exploring a result: the grid, the panel beside it, the pictures above it. Loaded by the pages that show rows
// (docs/design-system.md). What is done here by pointer or key, a link or a form does without it.

import { announce, each, find, make, on, place } from "./app.js";

const plain = (event) => !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey;

// Leads the grid to another address as its links do: without loading the page, and Back leads back.
function go(href) {
  const results = find("#results");
  if (!results) return location.assign(href);
  const link = document.createElement("a");
  for (const [name, value] of [["get", href], ["target", "#results"], ["swap", "outerHTML"], ["push-url", "true"]]) link.setAttribute(`hx-${name}`, value);
  link.hidden = true;
  results.append(link);
  window.htmx.process(link);
  link.click();
}

// The page's address with one of its names changed.
function address(change) {
  const url = new URL(location.href);
  url.searchParams.delete("page");
  change(url.searchParams);
  return url.pathname + url.search;
}

// --- The grid keeps its place ------------------------------------------------------------------

// Down only when it refreshed itself: another page starts at its top.
let kept = { left: 0, top: 0, focus: false, panel: 0 };

on("htmx:beforeSwap", ({ detail: { target, requestConfig } }) => {
  const grid = find(".grid-scroll", target);
  kept = {
    left: grid?.scrollLeft ?? 0,
    top: requestConfig.elt === target ? (grid?.scrollTop ?? 0) : 0,
    focus: target.contains(document.activeElement),
    panel: target.scrollTop,
  };
});
on("htmx:afterSwap", ({ detail: { target, requestConfig } }) => {
  const root = document.getElementById(target.id);
  if (root?.matches(".drawer")) return openDrawer(root, requestConfig);
  const grid = root && find(".grid-scroll", root);
  grid?.scrollTo({ left: kept.left, top: kept.top, behavior: "instant" });
  markRow();
});
on("htmx:afterSettle", ({ detail: { target } }) => {
  // What had the focus may be gone with what it removed: a chip, a form.
  if (kept.focus && document.activeElement === document.body) find(".grid-scroll", target)?.focus({ preventScroll: true });
  kept.focus = false;
});

// Shift and a click on a column's head add it to the sorts: ascending, descending, then not any more.
on("click", (event) => {
  const head = event.shiftKey && event.target.closest(".grid th > a[id]")?.parentElement;
  if (!head) return;
  event.preventDefault();
  event.stopPropagation();
  const { column } = head.dataset;
  go(address((names) => {
    const sorts = names.getAll("sort");
    const at = sorts.findIndex((sort) => sort === column || sort === `-${column}`);
    if (at < 0) sorts.push(column);
    else sorts.splice(at, 1, ...(sorts[at] === column ? [`-${column}`] : []));
    names.delete("sort");
    for (const sort of sorts) names.append("sort", sort);
  }));
}, { capture: true });

// --- The panel beside the grid -----------------------------------------------------------------

let openPath = "";

function openDrawer(drawer, { path, triggeringEvent }) {
  openPath = path.split("?")[0];
  markRow();
  // It followed the grid by itself: the reader is elsewhere.
  if (triggeringEvent?.type === "view-changed") return drawer.scrollTo({ top: kept.panel, behavior: "instant" });
  drawer.scrollTo({ top: 0, behavior: "instant" });
  const heading = find("h2", drawer);
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

// The row shown in the panel is marked wherever it is after paging and sorting.
function markRow() {
  each(".grid tr.is-open", (row) => row.classList.remove("is-open"));
  const path = CSS.escape(openPath);
  const link = openPath && find(`.grid .c-row a:is([href="${path}"], [href^="${path}\\?"])`);
  if (link) link.closest("tr").classList.add("is-open");
  return link;
}

function close(selector) {
  const link = markRow() || find("#columns-button");
  find(selector)?.replaceChildren();
  openPath = "";
  markRow();
  if (link) link.focus();
}

// Not by a click: keys may be faster than htmx takes hold of what it has just put in.
const openRow = (link) => find("#drawer") ? window.htmx.ajax("GET", link.getAttribute("href"), { target: "#drawer", swap: "innerHTML" }) : link.click();

// j and k, as in a mail program: the next and the previous row. Only while the focus is among the rows.
function step(key) {
  const link = find(key === "j" ? "#row-following" : "#row-previous") ?? (openPath ? null : find(".grid .c-row a"));
  if (link) openRow(link);
  else announce(key === "j" ? "No row after this one" : "No row before this one");
}

on("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (closer) close(closer.dataset.close);
});
on("keydown", (event) => {
  const { key, target } = event;
  if (key === "Escape" && !target.closest("details.menu[open], [popover]") && target.closest(".drawer")) close(".drawer");
  const typing = target.closest("input, select, textarea");
  if ((key === "j" || key === "k") && plain(event) && !typing && target.closest(".results-body")) step(key);
});

// --- What can be done with a value -------------------------------------------------------------

const condition = (column, how, value) =>
  JSON.stringify(value === null ? [how === "is" ? "empty" : "present", column] : [how, column, value]);

function offer(node, { column = "", value, path = column, filter = true, row = null }) {
  const menu = find("#cell-menu");
  find("b", menu).textContent = path;
  each("[data-how]", (item) => {
    const { how } = item.dataset;
    item.hidden = how === "row" ? !row : !(filter && column);
    const href = how === "row" ? row?.href : address((names) => names.append("f", condition(column, how, value)));
    item.setAttribute("href", href ?? "");
    item.onclick = (event) => {
      if (!plain(event) || event.shiftKey) return;
      event.preventDefault();
      menu.hidePopover();
      if (how === "row") openRow(row);
      else go(href);
    };
  }, menu);
  find("[data-what=value]", menu).dataset.copyText = value ?? "null";
  find("[data-what=path]", menu).dataset.copyText = path;
  menu.showPopover();
  place(menu, node);
  find("a:not([hidden]), button", menu).focus();
  menu.ontoggle = ({ newState }) => { if (newState === "closed" && document.activeElement === document.body) node.focus?.(); };
}

function offerCell(cell) {
  const heads = cell.closest("table").tHead.rows[0].cells;
  const { column } = heads[cell.cellIndex].dataset;
  const value = cell.matches(".c-null") ? null : (cell.dataset.v ?? cell.textContent);
  offer(cell, { column, value, filter: !("cut" in cell.dataset), row: find(".c-row a", cell.parentElement) });
}

const keyOf = (node) => find(":scope > .key, :scope > details > summary > .key", node);

// A node's place in its row, as DataPrime writes it: $d.tags['a-b'][0].
function pathOf(leaf) {
  const keys = [];
  for (let node = leaf; node && !node.matches(".json"); node = node.parentElement.closest(".branch, .json")) {
    const key = keyOf(node);
    if (key) keys.unshift(key);
  }
  const { columns, ...given } = find("#row-tree").dataset;
  const roots = Object.fromEntries(Object.values(given).map((root) => root.split("=")));
  return keys.map((key, at) => {
    const name = key.textContent;
    if (key.matches(".index")) return `[${name}]`;
    if (at === 0) return roots[name] ?? name;
    return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `['${name.replace(/['\\]/g, "\\$&")}']`;
  }).join("");
}

// A node as JSON, from what is shown: parsed, large numbers would change.
function jsonOf(node) {
  const inside = find(":scope > details > div", node);
  if (!inside) {
    const value = node.lastElementChild;
    return value.matches(".str") ? JSON.stringify(value.textContent.slice(1, -1)) : value.textContent;
  }
  const isList = keyOf(inside.firstElementChild).matches(".index");
  const items = Array.from(inside.children, (item) => (isList ? "" : `${JSON.stringify(keyOf(item).textContent)}: `) + jsonOf(item)).join(", ");
  return isList ? `[${items}]` : `{${items}}`;
}

function offerNode(node, by = node) {
  if (find("[data-cut], .leaf.count", node)) return announce("Too large to copy from here; an export has it whole");
  const path = pathOf(node);
  const json = jsonOf(node);
  const known = find("#results") && JSON.parse(find("#row-tree").dataset.columns);
  offer(by, { column: known?.includes(path) ? path : "", path, value: json === "null" ? null : json[0] === '"' ? JSON.parse(json) : json });
}

on("click", (event) => {
  const { target } = event;
  const node = target.closest(".grid tbody td, .json .leaf:has(.key)");
  if (!node || !plain(event) || target.closest("a, button, input, label, summary") || !getSelection().isCollapsed) return;
  if (!find("#cell-menu")) return find(".c-row a", node.parentElement)?.click();
  if (node.matches("td")) offerCell(node);
  else offerNode(node);
});
on("click", ({ target }) => {
  if (target.matches(".branch > button")) offerNode(target.parentElement, target);
});

// Arrows walk over the cells and Enter opens their menu; the grid itself is one stop of the Tab key.
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

on("keydown", (event) => {
  const { key, target } = event;
  const node = target.closest(".grid tbody td, .json .leaf");
  if (key === "Enter" && node) node.click();
  const move = STEPS[key];
  if (!move || !plain(event) || !(node?.matches("td") || (key === "ArrowDown" && target.matches(".grid-scroll")))) return;
  const { rows } = find(".grid tbody", target.closest(".grid-scroll"));
  const at = node ? [Array.from(rows).indexOf(node.parentElement) + move[0], node.cellIndex + move[1]] : [0, 1];
  const cell = rows[at[0]]?.cells[at[1]];
  if (!cell?.matches("td")) return;
  event.preventDefault();
  node?.removeAttribute("tabindex");
  cell.tabIndex = -1;
  cell.focus();
});

// --- Zooming into time -------------------------------------------------------------------------

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
    // The click that ends the drag is not meant for the bar under it.
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

// --- Columns: find, drag into order, drag to a width -------------------------------------------

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

// --- Filters: only the fields that a comparison takes ------------------------------------------

function fitFields(form) {
  const { value } = find("[data-operation]", form);
  each("[data-beside]", (field) => {
    field.hidden = !field.dataset.beside.split(" ").includes(value);
    find("input", field).disabled = field.hidden;
  }, form);
}

on("change", ({ target }) => {
  if (target.matches("[data-operation]")) fitFields(target.form);
});
// A form that lacks something comes back in its place and stays open.
on("htmx:beforeOnLoad", ({ detail: { elt, xhr } }) => {
  const menu = elt.matches(".condition") && !xhr.getResponseHeader("HX-Retarget") && elt.closest("details.menu");
  if (menu) menu.open = false;
});

// --- Start -------------------------------------------------------------------------------------

function prepare(root) {
  each(".condition", fitFields, root);
  each(".brush-hint, .narrow", (node) => { node.hidden = false; }, root);
  each(".chart[data-brush] a:not(:first-of-type)", (bar) => bar.setAttribute("tabindex", "-1"), root);
  each(".json .leaf:has(.key)", (leaf) => { leaf.tabIndex = 0; }, root);
  each(".grid th[data-column]:not(:has(.edge))", (head) => head.append(Object.assign(document.createElement("span"), { className: "edge" })), root);
  each(".json .branch:has(> details > summary > .key):not(:has(> button))", (node) => {
    node.append(Object.assign(make("button", "btn btn--quiet", "⋯"), { type: "button", ariaLabel: `Copy ${keyOf(node).textContent}` }));
  }, root);
  applyWidths();
  each("[data-width-of]", (field) => {
    const head = find(`.grid th[data-column="${CSS.escape(field.dataset.widthOf)}"]`);
    field.parentElement.hidden = !head;
    field.value = head?.offsetWidth ?? "";
  }, root);
}

on("htmx:load", ({ detail }) => prepare(detail.elt.parentElement ?? document));
prepare(document);
