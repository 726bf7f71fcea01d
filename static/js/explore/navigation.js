// Addresses of the grid, and going to one as its links do.

import { find } from "../app/dom.js";

// Whether a click or a key is meant for the page, not for the browser.
export const isUnmodified = (event) => !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey;

// Loads the grid of another address without reloading the page. The Back button returns.
export function go(href) {
  const results = find("#results");
  if (!results) return location.assign(href);
  const link = document.createElement("a");
  for (const [name, value] of [["get", href], ["target", "#results"], ["swap", "outerHTML"], ["push-url", "true"]]) link.setAttribute(`hx-${name}`, value);
  link.hidden = true;
  results.append(link);
  window.htmx.process(link);
  link.click();
}

// Return the page's address with its parameters changed, on its first page.
export function addressWith(change) {
  const url = new URL(location.href);
  url.searchParams.delete("page");
  change(url.searchParams);
  return url.pathname + url.search;
}
