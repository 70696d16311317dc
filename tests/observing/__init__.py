"""What operators see: figures, alerts, log lines, and what the doctor says."""
