"""docker-compose.yml, run for real by `make docker-test`."""
