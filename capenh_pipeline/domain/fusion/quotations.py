"""What a text quotes, between quotation marks of any language."""

import re

_LONGEST = 300
_QUOTATION = re.compile(
    # A straight mark opens where no word or digit stands before it: 12" is a size.
    rf"(?<!\w)\"(?=\S)[^\"\n]{{1,{_LONGEST}}}\"(?!\w)"
    rf"|(?<!\w)'(?=\S)(?:[^'\n]|(?<=\w)'(?=\w)){{1,{_LONGEST}}}(?<!\s)'(?!\w)"
    rf"|\u201c[^\u201c\u201d\n]{{1,{_LONGEST}}}\u201d|\u201d[^\u201c\u201d\n]{{1,{_LONGEST}}}\u201d"
    rf"|\u2018(?:[^\u2018\u2019\n]|(?<=\w)\u2019(?=\w)){{1,{_LONGEST}}}\u2019(?!\w)"
    rf"|\u201e[^\u201e\u201c\u201d\n]{{1,{_LONGEST}}}[\u201c\u201d]"
    rf"|\u00ab[^\u00ab\u00bb\n]{{1,{_LONGEST}}}\u00bb|\u00bb[^\u00ab\u00bb\n]{{1,{_LONGEST}}}\u00ab"
    rf"|\u300c[^\u300c\u300d\n]{{1,{_LONGEST}}}\u300d|\u300e[^\u300e\u300f\n]{{1,{_LONGEST}}}\u300f"
)


def quotations(text: str) -> list[tuple[int, int]]:
    """Return where quotations stand in `text`, their marks included: start and end, in order."""
    return [match.span() for match in _QUOTATION.finditer(text)]
