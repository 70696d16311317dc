"""The scripts of deploy/, run against a PostgreSQL of the tests."""
