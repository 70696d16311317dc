"""The tenant, and whoever connects for it: logins, sessions, what its connection is.

Begin with `registry` (a company's row, and what it must attend to), `logins.check` and
`sessions`; the other modules each hold one rule about a connection.
"""
