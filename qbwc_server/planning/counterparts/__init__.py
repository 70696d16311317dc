"""What the other side has of an entry already: found and joined before it is made."""
