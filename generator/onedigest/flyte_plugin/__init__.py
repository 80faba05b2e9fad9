"""What Flyte loads: its builder of images, and what it reads of the objects of its SDK."""
