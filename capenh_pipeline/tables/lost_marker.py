"""A `store.json` that is missing or damaged, and what the folders beside it say in its place."""

from capenh_pipeline.places.place import Place
from capenh_pipeline.tables.audit import Damage, Finding, set_aside
from capenh_pipeline.tables.marker import MARKER, is_marker_sound, restore_marker, shard_folders

LOST = "MARKER"


def marker_damage(root: Place, dataset: Place | None) -> Damage | None:
    """Return what is wrong with `store.json`; None for a sound one, and where no table is.

    Args:
        root: the store's folder.
        dataset: what the marker names, if it is restored.

    Raises:
        StoreError: it cannot be read, or is of another format.
    """
    digits = {len(folder.name) - len("shard=") for folder in shard_folders(root)}
    marker = root / MARKER
    if is_marker_sound(root) or not (digits or marker.exists()):
        return None

    def restore() -> str:
        told = f", the damaged one moved to {set_aside(root, marker)}" if marker.exists() else ""
        restore_marker(root, shard_digits=max(digits, default=1), dataset=dataset)  # if it was
        # being resharded, the shards of the other kind are leftovers now, and settled as such
        return f"written anew by the folders of the shards{told}"

    state = "is damaged" if marker.exists() else "is missing"
    meaning = f"{state}, so nothing says how many shards the store has"
    return Damage([Finding(LOST, marker, meaning)], restore)
