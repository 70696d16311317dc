"""The pages of the support console; `blueprint` puts them together."""
