"""Four machines in network namespaces, as docs/many-machines.md has them."""
