"""`capenh store compact` and `reshard`: the same rows in other files."""

from capenh_pipeline.commands import Environment, Values
from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.store_commands.action import DONE, open_store, say
from capenh_pipeline.store_commands.text import human_bytes, table
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.sizes import store_size


def compact(values: Values, _environment: Environment) -> int:
    """Merge the parts of every shard into one."""
    store = open_store(values)
    with store.held():
        before = store_size(store)
        for schema in TABLES:
            store.table(schema).compact(shard_keys(store.shard_digits), most_parts=1)
        after = store_size(store)
    rows = [
        [when, size.parts, human_bytes(size.size_bytes)]
        for when, size in (("before", before), ("now", after))
    ]
    for line in table(["", "parts", "bytes"], rows):
        say(line)
    return DONE


def move_to_shards(values: Values, _environment: Environment, *, digits: str) -> int:
    """Move all rows to 16 shards a table (1 digit) or 256 (2 digits)."""
    store = open_store(values)
    with store.held():
        resharded = reshard(store, int(digits))
    now = f"{16 ** int(digits)} shards a table"
    if resharded == store:
        say(f"The store has {now} already.")
    else:
        say(f"The store has {now} now: set CAPENH_SHARD_DIGITS={digits} for the runs to come.")
    return DONE
