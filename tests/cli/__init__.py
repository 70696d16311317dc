"""Commands as operators and support staff use them."""
