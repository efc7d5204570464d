"""What many rollouts cost: `make bench`. It measures and compares with nothing; see README.md."""
