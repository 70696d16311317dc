"""A Mosaic without Mosaic: begin with `sandbox`, and `hands` for people."""
