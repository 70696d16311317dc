"""What programs ask for: Mosaic's callbacks, health, figures for Prometheus."""
