"""Tests of the Mosaic client; a package so that they can share their wire."""
