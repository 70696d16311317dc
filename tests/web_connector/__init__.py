"""The Web Connector's protocol, from the socket to the database."""
