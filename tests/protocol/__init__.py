"""Tests of the Web Connector's protocol, from the socket to the database."""
