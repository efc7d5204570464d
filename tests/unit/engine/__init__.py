"""The engine: state in, plan out."""
