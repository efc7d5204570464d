"""How well `compare` decides, beside threshold rules: `make bench-judge`; see docs/judge.md."""
