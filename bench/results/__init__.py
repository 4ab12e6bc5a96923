"""Rows on disk and their statistics. Never imports torch."""
