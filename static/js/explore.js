// Exploring a result: the grid, the panel beside it, the charts above it. Loaded by the pages that show rows
// (docs/design-system.md). Everything done here by pointer or key is also possible by a link or a form.

import { on } from "./app/dom.js";
import "./explore/grid.js";
import * as brushZoom from "./explore/brush_zoom.js";
import * as cellMenu from "./explore/cell_menu.js";
import * as columnList from "./explore/column_list.js";
import * as columnResize from "./explore/column_resize.js";
import * as filterForm from "./explore/filter_form.js";

function prepare(root) {
  for (const behaviour of [filterForm, columnList, brushZoom, cellMenu, columnResize]) behaviour.prepare(root);
}

on("htmx:load", ({ detail }) => prepare(detail.elt.parentElement ?? document));
prepare(document);
