"""What a script, a project or Flyte asks for: read, checked, and with every default filled in."""
