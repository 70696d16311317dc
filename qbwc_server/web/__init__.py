"""The pages and hooks beside the SOAP endpoint, made with Flask."""
