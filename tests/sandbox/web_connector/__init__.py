"""The sandbox's Web Connector."""
