"""English words that mean the same: British and American spelling, and words of one family."""

import re

_VARIANTS = {
    "grey": "gray",
    "moustache": "mustache",
    "pyjamas": "pajamas",
    "pyjama": "pajama",
    "jewellery": "jewelry",
    "tyre": "tire",
    "aeroplane": "airplane",
    "kerb": "curb",
    "plough": "plow",
    "sceptre": "scepter",
    "doughnut": "donut",
    "catalogue": "catalog",
    "storey": "story",
    "aluminium": "aluminum",
    "yoghurt": "yogurt",
    "cosy": "cozy",
    "axe": "ax",
    "blonde": "blond",
    "asleep": "sleep",
    "icy": "ice",
}
_OUR = re.compile(r"(?<=[a-z]{3})our(?=$|s$|ed$|ful|ing|less|ite)")
_RE = re.compile(r"(?<=[a-z]{3}[bt])re(?=$|s$)")
_ISE = re.compile(r"(?<=[a-z]{3})is(?=e$|es$|ed$|ing$|ation$)")

_ENDINGS = (
    *("ing", "ed", "ly", "en", "y", "ful", "ness", "ish", "ion", "ment", "ist", "ern"),
    "like",
)
_DOERS = ("ing", "er", "or", "ist")
_SHORTEST, _LONG = 4, 7
"""Letters that must stay when an ending goes (the doubled one of sun-ny is one of them), and those
of a word that stands for who does it too (skateboarder)."""


def american(word: str) -> str:
    """Return `word`, in lower case, as it is spelt in American English."""
    word = _VARIANTS.get(word, word)
    return _ISE.sub("iz", _RE.sub("er", _OUR.sub("or", word)))


def bases(word: str) -> set[str]:
    """Return what `word` may be made from: sun for sunny, wood for wooden, dance for dancing.

    Who does something and doing it (surfer, surfing) share `~surf`, which is no word, so that a
    tower and a tow stay apart. Some bases are wrong (even for evening): words that meet by such
    a chance seldom stand in captions of one image.
    """
    found = {base for ending in _ENDINGS if word.endswith(ending) for base in _bases(word, ending)}
    deeds = {word.removesuffix(doer) for doer in _DOERS if word.endswith(doer)}
    found |= {"~" + deed for deed in deeds} | {deed for deed in deeds if len(deed) >= _LONG}
    return found | _singulars(word)


def _bases(word: str, ending: str) -> set[str]:
    base = word.removesuffix(ending)
    if len(base) == _SHORTEST - 1 and ending in ("ing", "ed"):
        return {base, base + "e"}
    if len(base) < _SHORTEST:
        return set()
    if base[-1] == base[-2]:
        return {base, base[:-1]}
    return {base[:-1] + "y" if base.endswith("i") else base + "e", base}


def _singulars(word: str) -> set[str]:
    if word.endswith("ies"):
        return {word.removesuffix("ies") + "y"}
    if word.endswith("ves"):
        return {word.removesuffix("ves") + end for end in ("f", "fe")}
    return (
        {word[:-1]} if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else set()
    )
