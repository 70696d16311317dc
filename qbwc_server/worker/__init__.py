"""The process beside the server that brings what is due to Mosaic.

Begin with `loop.Worker`, which finds the companies, and `one_pass`, which works for one
of them: there planning and delivery meet.
"""
