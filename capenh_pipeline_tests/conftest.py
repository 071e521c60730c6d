"""Every test runs offline, with one torch thread, and without the options of whoever runs it."""

import os

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", HF_HUB_OFFLINE="1")
for name in [name for name in os.environ if name.startswith(("CAPENH_", "OPENAI_", "DAGSTER_"))]:
    del os.environ[name]
