"""Where files lie: on a disk or in object storage, under the same names and errors."""
