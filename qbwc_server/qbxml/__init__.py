"""qbXML, QuickBooks Desktop's language, as pure functions: no input, no output.

Rule 1: nothing in this package opens a file, a socket or a database, or asks the clock.
Rule 2: names keep QuickBooks' spelling (`TxnID`, `EditSequence`) where they name its
elements.
"""
