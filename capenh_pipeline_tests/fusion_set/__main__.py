"""`python -m capenh_pipeline_tests.fusion_set` prints the gates' figures and every miss."""

import sys

from capenh_pipeline_tests.fusion_set.labelled import labelled_answers
from capenh_pipeline_tests.fusion_set.measure import (
    GateScore,
    Outcome,
    gate_scores,
    is_rejected_or_mended,
    outcome,
)

_HEAD = """\
| gate | bad answers | stopped | recall | under its own name | rejected | of these bad | precision |
|---|--:|--:|--:|--:|--:|--:|--:|"""


def main() -> None:
    for is_fresh in (False, True):
        outcomes = [outcome(answer) for answer in labelled_answers(is_fresh=is_fresh)]
        lines = [_HEAD, *map(_row, gate_scores(outcomes)), "", _overall(outcomes), ""]
        lines += [f"- {missed}" for missed in outcomes if not missed.is_right]
        sys.stdout.write("\n".join(lines) + "\n\n")


def _row(score: GateScore) -> str:
    return (
        f"| `{score.gate}` | {score.answers} | {score.stopped} | {score.recall:.2f} "
        f"| {score.named} | {score.rejected} | {score.rightly} | {score.precision:.2f} |"
    )


def _overall(outcomes: list[Outcome]) -> str:
    good = [o for o in outcomes if not o.answer.kinds]
    bad = [o for o in outcomes if o.answer.kinds]
    kept = sum(o.is_right for o in good)
    stopped = sum(map(is_rejected_or_mended, bad))
    return (
        f"Of {len(bad)} bad answers {stopped} ({stopped / len(bad):.1%}) were rejected or mended; "
        f"of {len(good)} good ones {kept} ({kept / len(good):.1%}) came through as they were."
    )


if __name__ == "__main__":
    main()
