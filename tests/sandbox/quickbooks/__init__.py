"""Tests of the company file."""
