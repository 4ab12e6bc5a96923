"""A method's own page."""
