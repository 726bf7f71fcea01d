// Forms of a query: the statement editor (line numbers, colours and error positions over a plain textarea) and its fields.
// Loaded by the pages that have one (docs/design-system.md).

import { each, find, make, on } from "./app/dom.js";

const MAX_PAINTED = 20000; // characters; past this the text stays plain, and typing stays fast
const TOKENS = new RegExp([
  String.raw`(?<c>(?<!:)\/\/.*|\/\*[^]*?\*\/)`,
  String.raw`(?<s>"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)`,
  String.raw`(?<v>\$[dlmp]\b(?:\.[\w@-]+)*)`,
  String.raw`(?<n>\b\d+(?:\.\d+)?(?:ns|us|ms|[smhdw])?\b)`,
  String.raw`(?<k>(?<=^\s*|(?<!\|)\|\s*)[a-z]+\b|\b(?:source|and|or|not|in|as|by|between|into|with|on|asc|desc|true|false|null|select|from|where|group|order|limit|join|having|distinct|case|when|then|else|end|is|like)\b)`,
].join("|"), "gi");

function tokens(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    parts.push(text.slice(end, match.index), make("span", `tok-${kind}`, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end), "\n"];
}

function enhance(area) {
  const box = area.closest(".editor");
  if (!box || box.dataset.ready) return;
  box.dataset.ready = "yes";
  const numbers = make("div", "editor-numbers");
  const layer = make("div", "editor-layer");
  const paint = make("pre", "editor-paint");
  layer.setAttribute("aria-hidden", "true");
  layer.append(paint);
  area.before(layer);
  find(".editor-gutter", box).replaceChildren(numbers);

  const draw = () => {
    const lines = area.value.split("\n").length;
    const painted = area.value.length <= MAX_PAINTED && area.dataset.language !== "text";
    if (numbers.childElementCount !== lines) numbers.replaceChildren(...Array.from({ length: lines }, (_, i) => make("div", "", i + 1)));
    box.classList.toggle("is-painted", painted);
    paint.replaceChildren(...(painted ? tokens(area.value) : []));
    if (!CSS.supports("field-sizing", "content")) area.rows = Math.min(lines + 1, 30);
  };
  const follow = () => {
    layer.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
    numbers.style.transform = `translateY(${-area.scrollTop}px)`;
  };
  draw();
  markError(area, numbers, layer);
  area.addEventListener("scroll", follow, { passive: true });
  area.addEventListener("input", () => {
    each(".editor-mark, .editor-caret", (mark) => mark.remove(), layer);
    each(".is-error", (line) => line.classList.remove("is-error"), numbers);
    draw();
    follow();
  });
}

// data-error-line and data-error-column count from 1, as the provider's messages do.
function markError(area, numbers, layer) {
  const line = Number(area.dataset.errorLine);
  const text = area.value.split("\n")[line - 1];
  if (text === undefined) return;
  numbers.children[line - 1].className = "is-error";
  const mark = make("div", "editor-mark");
  mark.style.setProperty("--line", line - 1);
  layer.prepend(mark);
  const column = Number(area.dataset.errorColumn);
  if (!column) return;
  const caret = make("div", "editor-caret");
  caret.style.setProperty("--line", line - 1);
  caret.style.setProperty("--column", text.slice(0, column - 1).replaceAll("\t", "    ").length);
  layer.append(caret);
}

// A connection of another provider loads another form. Inputs are saved by provider and restored when its form returns.
const savedInputs = new Map();
const NOT_SAVED = ["", "connection", "form_key", "csrfmiddlewaretoken"];
const inputs = (form) => Array.from(form.elements).filter(({ name }) => !NOT_SAVED.includes(name));
const valueProperty = ({ type }) => (/radio|checkbox/.test(type) ? "checked" : "value");

on("htmx:beforeSwap", ({ detail }) => {
  const form = find("#run-form", detail.target);
  if (form) savedInputs.set(form.dataset.provider, inputs(form).map((input) => (input.value === input.dataset.begin ? undefined : input[valueProperty(input)])));
});
on("htmx:afterSwap", ({ detail }) => {
  const form = detail.target.id === "run-new" && find("#run-form");
  const before = form && savedInputs.get(form.dataset.provider);
  if (before) inputs(form).forEach((input, place) => { input[valueProperty(input)] = before[place] ?? input[valueProperty(input)]; });
});

// data-when="name=one other": the field hides beside other choices, unless it has an error.
function showConditionalFields() {
  each("[data-when]", (node) => {
    const [name, words] = node.dataset.when.split("=");
    const by = node.form.elements[name];
    const field = node.closest(".field");
    field.hidden = !find(".errorlist", field) && (by.closest?.(".field").hidden || !words.split(" ").includes(by.value));
  });
}
on("change", showConditionalFields);
on("keydown", (event) => {
  const { key, target } = event;
  if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches(".editor-input")) {
    event.preventDefault();
    target.form?.requestSubmit();
  }
});

on("htmx:load", ({ detail }) => {
  each("textarea.editor-input", enhance, detail.elt);
  showConditionalFields();
});
showConditionalFields();
each("textarea.editor-input", enhance);
