"""What each action of `capenh store` does, one file an action or two."""

from capenh_pipeline.store_commands.action import Action
from capenh_pipeline.store_commands.check import check
from capenh_pipeline.store_commands.info import info
from capenh_pipeline.store_commands.prune import prune
from capenh_pipeline.store_commands.shards import compact, move_to_shards

ACTIONS = {
    "info": Action(info),
    "check": Action(
        check,
        usage="[--deep] [--repair] ",
        flags={
            "deep": {
                "action": "store_true",
                "help": "Read all images, to find those whose content is not what the store says.",
            },
            "repair": {
                "action": "store_true",
                "help": "Mend what is safe to mend; a file that cannot be read is moved, not lost.",
            },
        },
    ),
    "compact": Action(compact),
    "prune": Action(
        prune,
        usage="[--older_than DAYS] [--yes] ",
        flags={
            "older_than": {
                "type": float,
                "metavar": "DAYS",
                "help": "Only rows that were made longer ago.",
            },
            "yes": {"action": "store_true", "help": "Delete without asking."},
        },
    ),
    "reshard": Action(
        move_to_shards,
        usage="--digits 1|2 ",
        flags={
            "digits": {
                "required": True,
                "choices": ("1", "2"),
                "metavar": "1|2",
                "help": "Hex digits of an image's hash that name its shard.",
            }
        },
    ),
}
"""The actions by name, as `capenh store --help` lists them."""
