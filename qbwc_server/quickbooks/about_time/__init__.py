"""What answers about time say: entries that were seen, and those that are gone."""
