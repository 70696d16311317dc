"""How a company and its records stand, and who must act: one rule for all who ask.

Begin with `who_must_act` (records), `progress` and `reasons` (a connection), and
`hours_report` (the hours of a period).
"""
