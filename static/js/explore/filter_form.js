// The filter form: only the fields that the chosen comparison takes.

import { each, find, on } from "../app/dom.js";

function showOperands(form) {
  const { value } = find("[data-operation]", form);
  each("[data-beside]", (field) => {
    field.hidden = !field.dataset.beside.split(" ").includes(value);
    find("input", field).disabled = field.hidden;
  }, form);
}

on("change", ({ target }) => {
  if (target.matches("[data-operation]")) showOperands(target.form);
});
// The menu closes when the filter was added; a form with an error comes back and stays open.
on("htmx:beforeOnLoad", ({ detail: { elt, xhr } }) => {
  const menu = elt.matches(".condition") && !xhr.getResponseHeader("HX-Retarget") && elt.closest("details.menu");
  if (menu) menu.open = false;
});

export function prepare(root) {
  each(".condition", showOperands, root);
}
