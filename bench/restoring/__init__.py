"""A stored run's method applied to pictures and videos of one's own."""

from bench.restoring.clips import Clip, Progress, restore_clip, silent
from bench.restoring.masks import Masks
from bench.restoring.photos import Output, Restored, open_pictures, restore_source
from bench.restoring.stored import AUTO, StoredMethod, scored_levels
from bench.restoring.triplets import GAP, side_by_side, triplets
from bench.restoring.truth import against_truth, battery_of

__all__ = [
    "AUTO", "GAP", "Clip", "Masks", "Output", "Progress", "Restored", "StoredMethod", "against_truth", "battery_of",
    "open_pictures", "restore_clip", "restore_source", "scored_levels", "side_by_side", "silent", "triplets",
]  # fmt: skip
