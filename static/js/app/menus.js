// Menus, copy buttons and buttons that dismiss a toast.

import { announce } from "./announcements.js";
import { each, find, on } from "./dom.js";

// Open menus are fixed to the window, so that no scrolling box clips them.
export function placeMenu(body, anchor, alignEnd = false) {
  const { left, right, top, bottom } = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = body;
  const above = bottom + height + 12 > innerHeight && top > height + 12;
  Object.assign(body.style, {
    position: "fixed", inset: "auto", margin: 0,
    left: `${Math.max(8, Math.min(alignEnd ? right - width : left, document.documentElement.clientWidth - width - 8))}px`,
    top: `${above ? top - height - 6 : Math.min(bottom + 6, innerHeight - height - 8)}px`,
  });
}

const placeBody = (menu) => placeMenu(find(".menu-body", menu), find("summary", menu), !menu.matches(".menu--start"));

function closeMenus(except) {
  each("details.menu[open]", (menu) => {
    if (!menu.contains(except)) menu.open = false;
  });
}

async function copy(button) {
  const source = button.dataset.copy && find(button.dataset.copy);
  const text = button.dataset.copyText ?? source?.value ?? source?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // There is no clipboard outside https and localhost: select the text for Ctrl+C instead.
    if (source) getSelection().selectAllChildren(source);
    return announce("Selected: press Ctrl+C to copy");
  }
  button.classList.add("is-copied");
  announce("Copied");
  setTimeout(() => button.classList.remove("is-copied"), 1600);
}

on("click", (event) => {
  const { target } = event;
  closeMenus(target);
  const button = target.closest("[data-copy], [data-copy-text]");
  if (button) copy(button);
  target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove();
});
on("toggle", ({ target }) => {
  const menu = target.closest("details.menu[open]"); // the menu itself, or one that contains the target
  if (menu) placeBody(menu);
}, { capture: true });
on("scroll", ({ target }) => {
  if (!target.closest?.(".menu-body")) each("details.menu[open]", placeBody);
}, { capture: true, passive: true });
on("keydown", ({ key, target }) => {
  if (key !== "Escape") return;
  const menu = target.closest("details.menu[open]");
  if (menu) find("summary", menu).focus();
  closeMenus(null);
});
