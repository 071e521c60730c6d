"""What a run does: plain functions over frames and protocols."""
