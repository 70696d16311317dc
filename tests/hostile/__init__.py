"""What an attacker sends, and what it may cost."""
