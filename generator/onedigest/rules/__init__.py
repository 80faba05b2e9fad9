"""The generated files beside the locks: how they are rendered, written and compared."""
