"""The inputs of images: where files come from and how they get here, verified, without any knowledge of a spec."""
