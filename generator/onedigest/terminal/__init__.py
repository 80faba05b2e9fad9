"""What a terminal shows: results on stdout, words, warnings and progress on stderr."""
