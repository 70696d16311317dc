"""The database: engines and transactions, tables and views, and their migrations.

Begin with `database` (`company_transaction`, `company_reading`) and `tables`; what is
done at every call goes through `statements`, and `schema` brings a database up to date.
"""
