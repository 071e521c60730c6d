#!/bin/sh
# Caption what is new in the dataset CAPENH_DATASET_DIR, in a job that keeps no Dagster instance.
#
# The store is what makes the next job cheap. It lies in the dataset (.capenh) and is checked in with
# it, or it travels as the file STORE_ARCHIVE, which the job fetches before and keeps afterwards.
#
# Exit code: 0 every image has its captions, 1 some have not (they are listed), 2 the run stopped.
set -eu

if [ -n "${STORE_ARCHIVE:-}" ]; then
  store=${CAPENH_STORE:-$CAPENH_DATASET_DIR/.capenh}
  if [ -f "$STORE_ARCHIVE" ]; then
    mkdir -p "$store"
    tar -xzf "$STORE_ARCHIVE" -C "$store"
  fi
  # Also after a run that failed: what it has finished is not computed again.
  trap '[ ! -d "$store" ] || tar -czf "$STORE_ARCHIVE" -C "$store" .' EXIT
fi

unset DAGSTER_HOME
dagster asset materialize --select '*' --partition-range "${SHARDS:-0...f}" \
  -m capenh_pipeline.definitions || exit 2
capenh failures
