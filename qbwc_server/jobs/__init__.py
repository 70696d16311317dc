"""The queue for QuickBooks: jobs, and the message sets in which they travel.

Begin with `queue` (`enqueue`, `claimable`, `move`) and `exchanges`; `decisions` is what
a person decides about a job.
"""
