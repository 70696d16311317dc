"""The way in: what is asked of QuickBooks, and what each answer does.

Begin with `roundtrip` (`compose` makes a message set, `apply` works with its answer);
`handshake` recognises the company file before that, `recovery` asks after lost writes.
"""
