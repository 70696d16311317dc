"""What Mosaic has: days of time, read again and again, as records.

Begin with `time_window.TimeReader`; `time_mosaic` makes records of what it reads.
"""
