"""What we hand out, one format a file."""
