"""Where batches are worked on: in this process, in processes of this machine, or on Ray."""
