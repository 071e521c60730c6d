"""Every test runs offline, with one torch thread, and without the options of whoever runs it."""

import os
from typing import Any

pytest_plugins = [
    "capenh_pipeline_tests.fakes.fragile_decoder",
    "capenh_pipeline_tests.fakes.ray_nodes",
    "capenh_pipeline_tests.ordinary_user",
    "capenh_pipeline_tests.object_storage.buckets",
]

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", HF_HUB_OFFLINE="1")
OPTIONS = ("CAPENH_", "OPENAI_", "DAGSTER_", "AWS_")
for name in [name for name in os.environ if name.startswith(OPTIONS)]:
    del os.environ[name]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which families of VLMs were run: one that is skipped is easily taken for tested."""
    run, skipped = {}, {}
    for outcome, families in (("passed", run), ("failed", run), ("skipped", skipped)):
        for report in terminalreporter.getreports(outcome):
            family = dict(report.user_properties).get("vlm_family")
            if family:
                families[family] = report
    if run or skipped:
        ran = ", ".join(sorted(run)) or "none"
        left_out = [f"{name} ({_reason(report)})" for name, report in sorted(skipped.items())]
        terminalreporter.write_line(
            f"VLM families: run {ran}; skipped {', '.join(left_out) or 'none'}"
        )


def _reason(skipped: Any) -> str:
    return str(skipped.longrepr[-1]).removeprefix("Skipped: ")
