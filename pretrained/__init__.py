"""Trained weights that others published: where they come from, how they are found, checked and put into networks.

Methods (losses, encoders) and metrics share it. Nothing is ever guessed or replaced by random weights.
"""

from pretrained.catalogue import KNOWN, Weights
from pretrained.resolve import Trunk, Unavailable, find, fit, load, read, status, trunk

__all__ = ["KNOWN", "Trunk", "Unavailable", "Weights", "find", "fit", "load", "read", "status", "trunk"]
