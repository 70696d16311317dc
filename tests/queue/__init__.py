"""Tests of jobs, exchanges and the two databases below them."""
