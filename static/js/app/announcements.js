// Messages for screen readers, and the toast about a failed request.

import { each, find } from "./dom.js";

export function announce(text) {
  const node = find("#announcer");
  if (node) node.textContent = text;
}

// The last text of each element, so that a poll that changes nothing announces nothing.
const lastTexts = new Map();

export function announceChanges({ quiet = false } = {}) {
  each("[data-announce], .status--large", (node) => {
    const key = node.id || node.closest("[id]")?.id || "";
    const text = node.dataset.announce ?? node.textContent.trim();
    if (!quiet && lastTexts.get(key) !== text) announce(text);
    lastTexts.set(key, text);
  });
}

export function showRequestError(text) {
  const template = find("#trouble-template");
  if (!template || find("#trouble")) return;
  const toast = template.content.cloneNode(true);
  find("p", toast).textContent = text;
  find("#toasts").append(toast);
}

announceChanges({ quiet: true });
