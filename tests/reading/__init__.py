"""Tests of reading QuickBooks through a real company file, without HTTP."""
