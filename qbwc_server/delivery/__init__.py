"""The way out: writes to Mosaic, kept before they leave, sent once, and settled.

Begin with `outbox` (the kept writes), `sending` (one on its way) and `outcomes` (what
became of those whose answer did not come); `rate_budget` says when a call may be made.
"""
