"use strict";
// What the page is told: facts of the dataset, and one row an image.
//
// path       relative to the dataset, printable
// link       percent-encoded path, where `path` is not the file's name (it is not UTF-8)
// width, height   in pixels; null where the file is no image
// manual, caption, edited   texts or null: a person's, the LLM's, what a person made of the file
// seen       VLM captions by the names of their prompts, or null
// state      "ok", "failed" or "waiting"
// fallback   1 where the caption is joined by code
// retention, support   scores from 0 to 1, or null
// why        [stage, kind, sentence] of what went wrong, or null
// thumbnail  WebP in base64, or null

function blocks(kind) {
  const found = document.querySelectorAll(`script[data-kind="${kind}"]`);
  return Array.from(found, (element) => {
    const value = JSON.parse(element.textContent);
    element.remove();
    return value;
  });
}

const facts = blocks("facts")[0];
const littleWords = new Set(facts.littleWords);
const rows = [];
for (const block of blocks("images")) {
  const names = Object.keys(block);
  for (let i = 0; i < block.path.length; i += 1) {
    const row = { place: rows.length, text: null };
    for (const name of names) row[name] = block[name][i];
    rows.push(row);
  }
}

// The VLM captions of a row that are there, as [name, text].
function seenOf(row) {
  return Object.entries(row.seen || {}).filter((entry) => entry[1] !== null);
}

function sourcesOf(row) {
  return [row.manual || "", ...seenOf(row).map((entry) => entry[1])];
}

// Everything in a row that a search looks at, in lower case; made when it is first asked for.
function searchable(row) {
  if (row.text === null) {
    const parts = [row.path, row.caption, row.edited, ...sourcesOf(row), ...(row.why || [])];
    row.text = parts.filter(Boolean).join("\n").normalize("NFC").toLowerCase();
  }
  return row.text;
}

function linkOf(row) {
  const path = row.link || row.path.split("/").map(encodeURIComponent).join("/");
  return facts.folder + path;
}

const FILTERS = [
  { name: "failed", label: "Failed", holds: (row) => row.state === "failed" },
  { name: "fallback", label: "Fallback", holds: (row) => row.fallback === 1 },
  { name: "no-manual", label: "No manual caption", holds: (row) => row.manual === null },
  { name: "edited", label: "Edited by hand", holds: (row) => row.edited !== null },
  { name: "waiting", label: "Not captioned yet", holds: (row) => row.state === "waiting" },
];

const lowest = (name) => (a, b) => (a[name] ?? 2) - (b[name] ?? 2) || a.place - b.place;
const SORTS = {
  path: { label: "by path", compare: null },
  retention: { label: "lowest retention first", compare: lowest("retention") },
  support: { label: "lowest support first", compare: lowest("support") },
  longest: {
    label: "longest caption first",
    compare: (a, b) => (b.caption || "").length - (a.caption || "").length || a.place - b.place,
  },
};

// The rows that have all words of `search` and pass all `filters`, in order.
function select(search, filters, sort) {
  const words = search.normalize("NFC").toLowerCase().split(/\s+/).filter(Boolean);
  const tests = FILTERS.filter((filter) => filters.has(filter.name));
  const found = rows.filter(
    (row) =>
      tests.every((filter) => filter.holds(row)) &&
      words.every((word) => searchable(row).includes(word)),
  );
  const { compare } = SORTS[sort];
  return compare ? found.sort(compare) : found;
}
