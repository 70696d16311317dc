"""`python -m qbwc_server` is `qbwc-server`."""

from qbwc_server.cli import main

if __name__ == "__main__":
    main(prog_name="qbwc-server")
