"use strict";
// Distributions as inline SVG: one series a chart, the same axis for all lengths.

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 240, height: 96, base: 78, top: 6 };

function svg(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

// Counts of `values` in `bins` equal parts from 0 to `most`; the last has all that is more.
function histogram(values, bins, most) {
  const counts = new Array(bins).fill(0);
  for (const value of values) {
    counts[Math.min(bins - 1, Math.floor((value / most) * bins + 1e-9))] += 1;
  }
  return counts;
}

function chart({ title, values, bins, most, show, more }) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.append(title);
  figure.append(caption);
  if (!values.length) {
    figure.append(element("p", "quiet", "none"));
    return figure;
  }
  const sorted = Float64Array.from(values).sort();
  const [low, middle, high] = [0.05, 0.5, 0.95].map((share) => show(quantile(sorted, share)));
  const said = `median ${middle}, 90\u00a0% from ${low} to ${high}`;
  figure.append(
    bars(`${title}: ${values.length} texts, ${said}`, values, { bins, most, show, more }),
  );
  figure.append(element("p", "quiet", said));
  return figure;
}

function bars(label, values, { bins, most, show, more }) {
  const { width, height, base, top } = CHART;
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
  });
  const counts = histogram(values, bins, most);
  const highest = Math.max(...counts);
  const step = width / bins;
  counts.forEach((count, place) => {
    const tall = count ? Math.max(1.5, (count / highest) * (base - top)) : 0;
    const bar = svg("rect", {
      x: place * step + 1,
      y: base - tall,
      width: step - 2,
      height: tall,
      rx: 1,
    });
    const from = show((place * most) / bins);
    const to = place === bins - 1 && more ? "more" : show(((place + 1) * most) / bins);
    bar.append(svg("title", {}, `${from} – ${to}: ${count.toLocaleString("en")}`));
    drawing.append(bar);
  });
  drawing.append(svg("line", { x1: 0, y1: base + 0.5, x2: width, y2: base + 0.5 }));
  drawing.append(svg("text", { x: 0, y: height - 4 }, show(0)));
  const end = show(most) + (more ? " +" : "");
  drawing.append(svg("text", { x: width, y: height - 4, "text-anchor": "end" }, end));
  return drawing;
}

// Words of the texts of a row, counted once: manual, VLM (all together), combined.
function lengthsOf(row) {
  if (!row.lengths) {
    const count = (text) => (text ? wordCount(text) : 0);
    const seen = seenOf(row).reduce((sum, entry) => sum + wordCount(entry[1]), 0);
    row.lengths = [count(row.manual), seen, count(row.caption)];
  }
  return row.lengths;
}

function charts(found) {
  const lengths = ["Manual caption", "VLM caption", "Combined caption"].map((title, place) => ({
    title: `${title}, words`,
    values: found.map((row) => lengthsOf(row)[place]).filter(Boolean),
  }));
  const all = Float64Array.from(lengths.flatMap((one) => one.values)).sort();
  const most = Math.max(20, Math.ceil(quantile(all, 0.99) / 20) * 20 || 20);
  const drawn = lengths.map((one) =>
    chart({ ...one, bins: 20, most, show: (value) => String(Math.round(value)), more: true }),
  );
  for (const [name, title] of [
    ["retention", "Retention"],
    ["support", "Support"],
  ]) {
    const values = found.map((row) => row[name]).filter((value) => value !== null);
    drawn.push(
      chart({
        title,
        values,
        bins: 10,
        most: 1,
        show: (value) => value.toFixed(value % 1 ? 2 : 0),
        more: false,
      }),
    );
  }
  return drawn;
}
