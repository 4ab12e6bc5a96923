"""The one training loop, its checkpoints, and where it runs."""
