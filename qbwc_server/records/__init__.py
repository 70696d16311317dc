"""Every object known on either side: what each has of it, and what it stands under.

Begin with `store`; `references` says what stands for what on the other side, and
`mosaic_objects` keeps Mosaic's lists as last read.
"""
