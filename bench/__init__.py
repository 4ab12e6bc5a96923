"""The harness: data, training, scoring, statistics, gate and command line. Importing it loads nothing heavy."""

PROTOCOL = "1"  # bumped when a degradation, split or metric definition changes its meaning
__version__ = "0.1.0"
