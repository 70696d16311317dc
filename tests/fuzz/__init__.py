"""Inputs near good ones: no exception escapes, no job is lost, memory stays flat."""
