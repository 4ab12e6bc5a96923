"""A web page and a JSON interface that put stored runs to pictures of one's own."""
