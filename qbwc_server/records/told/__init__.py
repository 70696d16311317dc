"""What a record's history tells: what was changed, in names, and its former ids."""
