"""The API room: models, validation, CRDs."""
