"""What damages pictures. A file here with TASK and LEVELS is a degradation; no list needs editing.

Imports numpy, Pillow and OpenCV only: nothing of ours, no torch.
"""
