"""Tests of silence and who is told of it."""
