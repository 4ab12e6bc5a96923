"""The board: HTML leaderboards from stored results alone. Reads bench.results; never imports torch."""
