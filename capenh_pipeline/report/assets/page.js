"use strict";
// What the page does: search, filters, pages, one image in full, and the runs.

const PAGE_IMAGES = 60;
const VIEWS = {
  sheet: { label: "contact sheet", make: card },
  texts: { label: "texts side by side", make: line },
};
const byId = (id) => document.getElementById(id);
const number = (count) => count.toLocaleString("en");
const state = { search: "", filters: new Set(), sort: "path", view: "sheet", page: 1 };
let found = [];
let shown = null;

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  state.search = given.get("q") || "";
  state.filters = new Set((given.get("f") || "").split(",").filter(Boolean));
  state.sort = given.get("sort") in SORTS ? given.get("sort") : "path";
  state.view = given.get("view") in VIEWS ? given.get("view") : "sheet";
  state.page = Math.max(1, Number.parseInt(given.get("page"), 10) || 1);
}

function writeAddress() {
  const said = new URLSearchParams();
  if (state.search) said.set("q", state.search);
  if (state.filters.size) said.set("f", [...state.filters].join(","));
  if (state.sort !== "path") said.set("sort", state.sort);
  if (state.view !== "sheet") said.set("view", state.view);
  if (state.page > 1) said.set("page", state.page);
  const address = said.toString();
  history.replaceState(null, "", address ? `#${address}` : "#");
}

// Find the images anew and show their first page, or the one that is named.
function find(page = 1) {
  state.page = page;
  found = select(state.search, state.filters, state.sort);
  show();
  if (byId("figures").open) byId("charts").replaceChildren(...charts(found));
}

function show() {
  const pages = Math.max(1, Math.ceil(found.length / PAGE_IMAGES));
  state.page = Math.min(state.page, pages);
  const first = (state.page - 1) * PAGE_IMAGES;
  const some = found.slice(first, first + PAGE_IMAGES);
  const list = byId("images");
  list.className = state.view;
  list.replaceChildren(...some.map((row) => VIEWS[state.view].make(row, open)));
  byId("found").replaceChildren(...foundLine(first, some.length));
  byId("pages").replaceChildren(...(pages > 1 ? pager(pages) : []));
  for (const button of byId("filters").children) {
    button.setAttribute("aria-pressed", String(state.filters.has(button.value)));
  }
  writeAddress();
}

function foundLine(first, count) {
  if (!rows.length) return ["There are no images."];
  if (!found.length) {
    const clear = element("button", "", "Show all");
    clear.addEventListener("click", () => {
      state.filters.clear();
      byId("search").value = state.search = "";
      find();
    });
    return ["No image has all of that. ", clear];
  }
  const all =
    found.length === rows.length
      ? number(rows.length)
      : `${number(found.length)} of ${number(rows.length)}`;
  const part = count < found.length ? `, ${number(first + 1)}–${number(first + count)} shown` : "";
  return [`${all} image${rows.length === 1 ? "" : "s"}${part}`];
}

function pager(pages) {
  const go = (page) => {
    state.page = page;
    show();
    byId("found").scrollIntoView();
  };
  const button = (text, label, page) => {
    const made = element("button", "", text);
    made.setAttribute("aria-label", label);
    made.disabled = page < 1 || page > pages || page === state.page;
    made.addEventListener("click", () => go(page));
    return made;
  };
  const input = element("input", "");
  Object.assign(input, { type: "number", min: 1, max: pages, value: state.page });
  input.setAttribute("aria-label", "Page");
  input.addEventListener("change", () =>
    go(Math.min(pages, Math.max(1, Math.round(input.valueAsNumber) || 1))),
  );
  return [
    button("⇤", "First page", state.page === 1 ? 0 : 1),
    button("←", "Previous page", state.page - 1),
    element("label", "", "Page ", input, ` of ${number(pages)}`),
    button("→", "Next page", state.page + 1),
    button("⇥", "Last page", pages),
  ];
}

// One image in full; the arrow keys go to its neighbours among those found.
function open(row) {
  shown = row;
  byId("detail-title").replaceChildren(element("bdi", "", row.path));
  const size = row.width === null ? "" : `${row.width} × ${row.height} px`;
  byId("detail-body").replaceChildren(
    picture(row, true),
    element("p", "facts", badges(row), element("span", "quiet", size)),
    texts(row),
    element(
      "p",
      "legend quiet",
      element("ins", "", "added"),
      " by the LLM, in no source · ",
      element("del", "", "dropped"),
      " from the manual caption · little words such as “the” are not marked",
    ),
  );
  const place = found.indexOf(row);
  byId("previous").disabled = place <= 0;
  byId("next").disabled = place === found.length - 1;
  if (!byId("detail").open) byId("detail").showModal();
  byId("detail").scrollTop = 0;
}

function step(by) {
  const row = found[found.indexOf(shown) + by];
  if (row) open(row);
}

function choices(id, entries) {
  for (const [value, { label }] of Object.entries(entries))
    byId(id).append(new Option(label, value, false, value === state[id]));
  byId(id).addEventListener("change", () => {
    state[id] = byId(id).value;
    find();
  });
}

function filterButtons() {
  for (const filter of FILTERS) {
    const count = rows.reduce((sum, row) => sum + filter.holds(row), 0);
    const button = element(
      "button",
      "",
      filter.label,
      " ",
      element("span", "count", number(count)),
    );
    Object.assign(button, {
      type: "button",
      value: filter.name,
      disabled: !count && !state.filters.has(filter.name),
    });
    button.addEventListener("click", () => {
      if (!state.filters.delete(filter.name)) state.filters.add(filter.name);
      find();
    });
    byId("filters").append(button);
  }
}

function runTable() {
  const heads = [
    "Ended (UTC)",
    "Run",
    "Models",
    "VLM captions",
    "Combined",
    "Failed",
    "Fallback",
    "LLM tokens",
    "Files",
  ];
  const head = element(
    "thead",
    "",
    element("tr", "", ...heads.map((text) => element("th", "", text))),
  );
  const body = element("tbody", "");
  for (const run of facts.runs) {
    const ended = (run.ended || "–").replace("T", " ").replace("Z", "");
    const cells = [ended, (run.run_id || "–").slice(0, 8), run.models.join(", ") || "–"];
    const line = element("tr", "", ...cells.map((text) => element("td", "", text)));
    for (const name of ["vlm", "combined", "failed", "fallback", "tokens", "files"])
      line.append(element("td", "number", number(run[name])));
    body.append(line);
  }
  byId("runs").append(head, body);
  byId("older").textContent = facts.olderRuns
    ? `and ${number(facts.olderRuns)} older runs`
    : "Rows that a later run computed again, and rows that were pruned, do not count.";
}

function introduce() {
  document.title = `${facts.dataset} – captions`;
  byId("title").textContent = facts.dataset;
  const made = facts.made.replace("T", " ").replace("Z", " UTC");
  byId("about").textContent = [
    `${number(rows.length)} images`,
    ...facts.recipes,
    `made ${made}`,
  ].join(" · ");
  byId("note").hidden = !facts.note;
  byId("note").textContent =
    `These are the newest captions of the store, not those of the options that the report was made with: ${facts.note}.`;
}

function listen() {
  let waiting = 0;
  byId("search").value = state.search;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(
      () => {
        state.search = byId("search").value;
        find();
      },
      rows.length > 5000 ? 150 : 0,
    );
  });
  byId("figures").addEventListener("toggle", () => {
    if (byId("figures").open) byId("charts").replaceChildren(...charts(found));
  });
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => byId("detail").close());
  byId("detail").addEventListener("click", (event) => {
    if (event.target === byId("detail")) byId("detail").close();
  });
  document.addEventListener("keydown", (event) => {
    if (byId("detail").open) {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    } else if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      byId("search").focus();
    }
  });
}

readAddress();
if (window.innerWidth < 640) byId("figures").open = false;
introduce();
filterButtons();
choices("sort", SORTS);
choices("view", VIEWS);
listen();
find(state.page);
runTable();
