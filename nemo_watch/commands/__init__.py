"""What a person can say to nemo-watch, one file a command."""
