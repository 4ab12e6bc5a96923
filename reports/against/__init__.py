"""Run against run: pairing, differences, and the page that shows them."""
