"""What people drop in: the folder as it is, files at rest, projects, films and their prompts."""
