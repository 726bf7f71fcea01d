// Short names for the document: find, visit, listen, create.

export const find = (selector, root = document) => root.querySelector(selector);
export const each = (selector, visit, root = document) => root.querySelectorAll(selector).forEach(visit);
export const on = (type, handle, options) => document.addEventListener(type, handle, options);
export const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
export const meta = (name) => find(`meta[name="${name}"]`)?.content ?? "";
