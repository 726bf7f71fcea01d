// The menu of a value, in the grid and in the tree of a row: filter for it, filter it out, copy, open the row.

import { announce } from "../app/announcements.js";
import { each, find, make, on } from "../app/dom.js";
import { placeMenu } from "../app/menus.js";
import { addressWith, go, isUnmodified } from "./navigation.js";
import { openRow } from "./row_panel.js";

const condition = (column, how, value) =>
  JSON.stringify(value === null ? [how === "is" ? "empty" : "present", column] : [how, column, value]);

function openMenu(node, { column = "", value, path = column, filter = true, row = null }) {
  const menu = find("#cell-menu");
  find("b", menu).textContent = path;
  each("[data-how]", (item) => {
    const { how } = item.dataset;
    item.hidden = how === "row" ? !row : !(filter && column);
    const href = how === "row" ? row?.href : addressWith((parameters) => parameters.append("f", condition(column, how, value)));
    item.setAttribute("href", href ?? "");
    item.onclick = (event) => {
      if (!isUnmodified(event) || event.shiftKey) return;
      event.preventDefault();
      menu.hidePopover();
      if (how === "row") openRow(row);
      else go(href);
    };
  }, menu);
  find("[data-what=value]", menu).dataset.copyText = value ?? "null";
  find("[data-what=path]", menu).dataset.copyText = path;
  menu.showPopover();
  placeMenu(menu, node);
  find("a:not([hidden]), button", menu).focus();
  menu.ontoggle = ({ newState }) => { if (newState === "closed" && document.activeElement === document.body) node.focus?.(); };
}

function openCellMenu(cell) {
  const heads = cell.closest("table").tHead.rows[0].cells;
  const { column } = heads[cell.cellIndex].dataset;
  const value = cell.matches(".c-null") ? null : (cell.dataset.v ?? cell.textContent);
  openMenu(cell, { column, value, filter: !("cut" in cell.dataset), row: find(".c-row a", cell.parentElement) });
}

const keyOf = (node) => find(":scope > .key, :scope > details > summary > .key", node);

// The path of a node in its row, in DataPrime's notation: $d.tags['a-b'][0].
function pathOf(leaf) {
  const keys = [];
  for (let node = leaf; node && !node.matches(".json"); node = node.parentElement.closest(".branch, .json")) {
    const key = keyOf(node);
    if (key) keys.unshift(key);
  }
  const { columns, ...rootNames } = find("#row-tree").dataset;
  const roots = Object.fromEntries(Object.values(rootNames).map((root) => root.split("=")));
  return keys.map((key, at) => {
    const name = key.textContent;
    if (key.matches(".index")) return `[${name}]`;
    if (at === 0) return roots[name] ?? name;
    return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `['${name.replace(/['\\]/g, "\\$&")}']`;
  }).join("");
}

// A node as JSON, from the text shown: parsing it would change large numbers.
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

function openNodeMenu(node, anchor = node) {
  if (find("[data-cut], .leaf.count", node)) return announce("Too large to copy from here; an export has it whole");
  const path = pathOf(node);
  const json = jsonOf(node);
  const columns = find("#results") && JSON.parse(find("#row-tree").dataset.columns);
  openMenu(anchor, { column: columns?.includes(path) ? path : "", path, value: json === "null" ? null : json[0] === '"' ? JSON.parse(json) : json });
}

on("click", (event) => {
  const { target } = event;
  const node = target.closest(".grid tbody td, .json .leaf:has(.key)");
  if (!node || !isUnmodified(event) || target.closest("a, button, input, label, summary") || !getSelection().isCollapsed) return;
  if (!find("#cell-menu")) return find(".c-row a", node.parentElement)?.click();
  if (node.matches("td")) openCellMenu(node);
  else openNodeMenu(node);
});
on("click", ({ target }) => {
  if (target.matches(".branch > button")) openNodeMenu(target.parentElement, target);
});

export function prepare(root) {
  each(".json .leaf:has(.key)", (leaf) => { leaf.tabIndex = 0; }, root);
  each(".json .branch:has(> details > summary > .key):not(:has(> button))", (node) => {
    node.append(Object.assign(make("button", "btn btn--quiet", "⋯"), { type: "button", ariaLabel: `Copy ${keyOf(node).textContent}` }));
  }, root);
}
