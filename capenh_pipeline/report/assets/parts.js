"use strict";
// The parts of the page that show one image. All text goes in as text, never as HTML.

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// The image from its file, over its thumbnail where the page has one.
function picture(row, isLarge) {
  const frame = element("span", isLarge ? "frame large" : "frame");
  const small = row.thumbnail && `data:image/webp;base64,${row.thumbnail}`;
  if (row.width === null) {
    frame.append(element("span", "quiet", "no image"));
    return frame;
  }
  const image = new Image();
  image.alt = row.path;
  image.decoding = "async";
  if (!isLarge) image.loading = "lazy";
  image.width = row.width;
  image.height = row.height;
  if (small) image.style.backgroundImage = `url(${small})`;
  image.addEventListener("load", async () => {
    await image.decode().catch(() => null);
    image.style.backgroundImage = "";
  });
  image.addEventListener("error", () => {
    if (small && image.src !== small) image.src = small;
    else
      image.replaceWith(
        element(
          "span",
          "quiet",
          "not shown: the file is gone, or this browser does not know its format",
        ),
      );
  });
  image.src = linkOf(row);
  frame.append(image);
  return frame;
}

function badges(row) {
  const list = element("span", "badges");
  if (row.state === "failed") list.append(element("span", "badge bad", "failed"));
  if (row.state === "waiting") list.append(element("span", "badge", "not captioned yet"));
  if (row.fallback) list.append(element("span", "badge warn", "fallback"));
  if (row.edited !== null) list.append(element("span", "badge hand", "edited by hand"));
  if (row.manual === null) list.append(element("span", "badge", "no manual caption"));
  return list;
}

// A card of the contact sheet.
function card(row, open) {
  const button = element("button", "card", picture(row, false));
  button.type = "button";
  button.append(element("bdi", "path", row.path));
  const text = element(
    "span",
    "text",
    row.caption || seenOf(row).map((entry) => entry[1])[0] || "",
  );
  text.dir = "auto";
  button.append(text, badges(row));
  button.addEventListener("click", () => open(row));
  return element("li", "", button);
}

// A line of the list: the image and its three texts.
function line(row, open) {
  const button = element(
    "button",
    "card",
    picture(row, false),
    element("bdi", "path", row.path),
    badges(row),
  );
  button.type = "button";
  button.addEventListener("click", () => open(row));
  return element("li", "line", button, texts(row));
}

// The three texts side by side, with what the LLM has added to its sources and what it dropped.
function texts(row) {
  const { manual, caption } = row;
  const sides = element("div", "sides");
  const dropped =
    caption && manual ? marked(manual, keysOf([caption]), "del", littleWords) : [manual || ""];
  sides.append(side("Manual", manual ? [paragraph(dropped)] : []));
  const seen = seenOf(row);
  sides.append(
    side(
      "VLM",
      seen.map(([name, text]) => paragraph([text], seen.length > 1 ? name : "")),
    ),
  );
  const added = caption ? marked(caption, keysOf(sourcesOf(row)), "ins", littleWords) : [];
  const combined = side("Combined", caption ? [paragraph(added)] : []);
  if (caption) combined.append(scores(row));
  sides.append(combined);
  if (row.edited !== null) {
    const shown = row.edited
      ? [paragraph([row.edited])]
      : [element("p", "quiet", "cannot be shown as text")];
    const file = side("In the file, by hand", shown);
    file.classList.add("wide");
    sides.append(file);
  }
  if (row.why) sides.append(reason(row));
  return sides;
}

function side(title, paragraphs) {
  const made = element("section", "side", element("h3", "", title), ...paragraphs);
  if (!paragraphs.length) made.append(element("p", "quiet", "–"));
  return made;
}

function paragraph(content, name) {
  const made = element("p", "words", ...content);
  made.dir = "auto";
  if (name) made.prepend(element("b", "name", name), " ");
  return made;
}

function scores(row) {
  const shown = ["retention", "support"].filter((name) => row[name] !== null);
  return element("p", "quiet", shown.map((name) => `${name} ${row[name].toFixed(2)}`).join(" · "));
}

function reason(row) {
  const [stage, kind, sentence] = row.why;
  const title = stage ? `Failed in ${stage}: ${kind}` : `Fallback: ${kind || ""}`;
  return element(
    "section",
    stage ? "side wide bad" : "side wide warn",
    element("h3", "", title),
    element("p", "", sentence || ""),
  );
}
