"use strict";
// Words of a text, and which of them another text has not.

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

// Pieces of a text in order: {text, key}; key is null for what is no word.
function pieces(text) {
  return Array.from(segmenter.segment(text.normalize("NFC")), (part) => ({
    text: part.segment,
    key: part.isWordLike ? part.segment.toLowerCase() : null,
  }));
}

function keysOf(texts) {
  const keys = new Set();
  for (const text of texts) {
    for (const piece of pieces(text)) if (piece.key) keys.add(piece.key);
  }
  return keys;
}

// The text as nodes, in which the words that `known` lacks stand in elements `tag`. Little words
// (the, of, with) are never marked, and neighbours share one mark.
function marked(text, known, tag, littleWords) {
  const nodes = [];
  let mark = null;
  let gap = "";
  for (const { text: word, key } of pieces(text)) {
    if (key === null) {
      gap += word;
    } else if (known.has(key) || littleWords.has(key)) {
      nodes.push(gap + word);
      gap = "";
      mark = null;
    } else {
      if (mark && /^[ '’-]*$/.test(gap)) mark.append(gap);
      else {
        nodes.push(gap);
        mark = document.createElement(tag);
        nodes.push(mark);
      }
      mark.append(word);
      gap = "";
    }
  }
  nodes.push(gap);
  return nodes;
}

// How many words a text has; of scripts without spaces, characters.
function wordCount(text) {
  let count = 0;
  let inWord = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    const isSpace = code <= 32 || code === 160 || code === 0x3000;
    const standsAlone = (code >= 0x3040 && code <= 0x9fff) || (code >= 0x0e00 && code <= 0x0eff);
    if (standsAlone || (!isSpace && !inWord)) count += 1;
    inWord = !isSpace && !standsAlone;
  }
  return count;
}
