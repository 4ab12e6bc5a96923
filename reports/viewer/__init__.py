"""The picture viewer's data: crops, outlines, orders."""
