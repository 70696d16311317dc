"""Tests of records: what QuickBooks showed, and who stands below whom."""
