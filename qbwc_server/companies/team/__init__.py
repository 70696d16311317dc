"""What the company files of one Mosaic team tell each other, by numbers alone."""
