"""Reference implementations, one file each. A file here with METHODS is found; no list needs editing.

Imports torch, torchvision, numpy, OpenCV and scikit-image; nothing else of ours.
"""
