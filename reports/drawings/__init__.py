"""Everything drawn: planes, curves, distributions, wins, severity. Inline SVG that follows the page."""
