"""What is asked of a person, of a company and of one entry, and taking the answer."""
