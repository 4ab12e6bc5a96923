"""From a method, or a folder made elsewhere, to rows of scores."""
