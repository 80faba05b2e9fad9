"""The ways to build an image, one module each: engines only schedule, and the assembler makes the bytes."""
