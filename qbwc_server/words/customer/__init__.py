"""What is said to a customer beside what happened: pauses, mails, whom to ask. Pure."""
