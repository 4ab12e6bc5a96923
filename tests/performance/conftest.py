"""What the races share."""

import cv2
import pytest
import torch


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    """As many threads for torch and OpenCV alike."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(request.param)
    cv2.setNumThreads(request.param)
    yield request.param
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])
