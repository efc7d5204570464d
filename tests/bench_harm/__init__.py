"""What a release costs its users, on real components: `make bench-harm`."""
