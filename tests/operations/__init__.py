"""What runs unattended, or by an operator's hand."""
