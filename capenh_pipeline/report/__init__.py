"""The report: one HTML page on which people look at every image and its captions."""
