"""Real wheels of the index: each is taken, and laid out as uv and pip lay it out (`make corpus`)."""
