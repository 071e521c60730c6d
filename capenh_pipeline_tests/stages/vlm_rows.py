"""Rows of a VLM with several prompts, for the stages that come after it."""

from collections.abc import Mapping

from capenh_pipeline.domain.schemas import FAILED, IMAGE_MANIFEST, OK, VLM_CAPTIONS
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import vlm_choice

SHORT_AND_LONG = '["short=<CAPTION>", "long=<DETAILED_CAPTION>"]'


def keep_captions(run: Run, captions: Mapping[str, Mapping[str | None, str | None]]) -> None:
    """Keep what the VLM said to the run's prompts: captions by name, by image path.

    None is a failed row. A prompt that is not named has no row. The rows of the last prompt come
    first: nothing may hang on their order.
    """
    manifest = run.store.table(IMAGE_MANIFEST).read(columns=["path", "image_hash"])
    hashes = dict(manifest.iter_rows())
    with run.checkpoint(VLM_CAPTIONS) as kept:
        for asked in reversed(vlm_choice(run).prompts):
            for path, said in captions.items():
                if asked.prompt.name in said:
                    key = {"image_hash": hashes[path], "recipe_hash": asked.recipe.hash}
                    kept.add({**key, **_outcome(said[asked.prompt.name])})


def _outcome(caption: str | None) -> dict[str, str]:
    if caption is None:
        return {"status": FAILED, "error_kind": "empty", "error": "The VLM said nothing."}
    return {"status": OK, "caption": caption}
