"""`python -m capenh_pipeline` is `capenh`."""

import sys

from capenh_pipeline.cli import main

sys.exit(main())
