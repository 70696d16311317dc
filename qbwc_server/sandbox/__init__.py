"""QuickBooks, Web Connector and Mosaic to run against without any of them."""
