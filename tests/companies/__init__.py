"""The tenant, its logins, and its silence."""
