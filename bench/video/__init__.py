"""Videos: read frame by frame, written in parts that outlive an interruption, and how much they flicker."""
