"""What goes wrong in a text that a VLM writes: it is cut off, or goes round in circles."""

import re

LONGEST_PHRASE = 8
"""Words of a phrase whose repetition is looked for."""

_REPEATS_OF_A_WORD = 6
_REPEATS_OF_A_PHRASE = 4

# Scripts that are written without spaces count by the character.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f\U00020000-\U0002fa1f]"
    r"|(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f])\w)+"
)
_SENTENCE_END = re.compile(
    r"(?:[.!?\u2026]+[\"'\u201d\u2019\u00bb)\]]*(?=\s|$))|[\u3002\uff01\uff1f][\u300d\u300f\u201d]?"
)
_NO_END = re.compile(
    r"(?:^|[\s(\"'])(?:mr|mrs|ms|dr|st|prof|jr|sr|vs|etc|approx|e\.g|i\.e|[a-z]|[a-z]\.[a-z])\.$"
    r"|(?:^|\n)[\s*#-]*\d+\.$",
    re.IGNORECASE,
)


def find_loop(text: str) -> str | None:
    """Return the phrase of up to eight words that `text` says again and again, or None.

    A phrase counts when it stands four times in a row, a single word six times; letter case and
    punctuation do not matter.
    """
    words = _WORD.findall(text.lower())
    for size in range(1, LONGEST_PHRASE + 1):
        repeats = _REPEATS_OF_A_WORD if size == 1 else _REPEATS_OF_A_PHRASE
        run = 0
        for place in range(size, len(words)):
            run = run + 1 if words[place] == words[place - size] else 0
            if run == size * (repeats - 1):
                return " ".join(words[place - size + 1 : place + 1])
    return None


def whole_sentences(text: str) -> str:
    """Return `text` up to the end of its last whole sentence; all of it if it has none.

    A full stop after an abbreviation, an initial or the number of a list ends no sentence.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    real = [end for end in ends if not _NO_END.search(text[:end])]
    return text[: real[-1]] if real else text
