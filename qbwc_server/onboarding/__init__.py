"""From the first call to live: the preview, going live, and what pages show of it.

Begin with `forecast` (the preview that is kept and made anew), `preview` (how it is
made), `going_live` and `company_status`.
"""
