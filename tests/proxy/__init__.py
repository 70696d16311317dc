"""Behind another proxy than that of docker-compose.yml."""
