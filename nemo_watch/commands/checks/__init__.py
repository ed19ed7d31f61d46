"""What `doctor` looks at, one file a subject; each check gives findings and changes nothing."""
