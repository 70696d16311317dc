"""The next step of each record, through a worker and a Mosaic in this process."""
