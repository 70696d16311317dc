"""A Web Connector without Windows: `program`, and `registration` of a .qwc file."""
