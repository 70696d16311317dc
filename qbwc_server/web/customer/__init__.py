"""The pages of a customer; each begins with `site`, which knows whose it is."""
