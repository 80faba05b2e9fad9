"""What people do with images: lock, check, fetch, build, push, attest, verify, compare; one verb a file."""
