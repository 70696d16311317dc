"""A company file without QuickBooks: `company_file`, and `hands` for its people."""
