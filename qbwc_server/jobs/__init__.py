"""The queue for QuickBooks: jobs, and the message sets in which they travel.

Begin with `queue` (`enqueue`, `move`), `claiming` (what may go now) and `exchanges`;
`by_hand` is what a person decides about a job.
"""
