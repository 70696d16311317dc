"""What people say: links, suggestions, conflicts, what is shared, what is read again.

Begin with `linking` (one record) and `bulk` (many); `conflicts` and `overlap` are asked
by the product, `resync` is asked of it.
"""
