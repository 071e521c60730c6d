"""The known words of merge pairs: what VLMs say of everyday images, and people remark."""

from capenh_pipeline.demo.scenes import COLORS


def _listed(words: str, separator: str = " ") -> tuple[str, ...]:
    return tuple(words.split(separator))


NOUNS = _listed(
    "dog cat man woman car house tree bird cup boat robot flower chair horse lamp girl boy"
)
ADJECTIVES = COLORS + _listed("brown white gray old young shiny wooden fluffy tiny tall")
ACTIONS = _listed("sitting,standing,looking at the camera,facing left,in the sun,at sunset", ",")
PLACES = _listed(
    "on a table,in a garden,on the beach,in front of a building,near a river,in a dark room,"
    "on a white background,on a street at night,under a blue sky,next to a window",
    ",",
)
CREDITS = _listed("by,in the style of,painted by,photo of,at,inspired by,after", ",")
MEDIA = _listed(
    "photo,painting,drawing,sketch,oil painting,watercolor,pixel art,digital art,poster", ","
)
REMARK_WORDS = _listed(
    "photo number old new small by the of my our a in with night morning summer holiday kitchen "
    "family street market view from above close up portrait full body side front back during party "
    "wedding museum version draft final logo sticker toy model painting drawing sketch oil "
    "watercolor pixel art vintage modern style"
)
