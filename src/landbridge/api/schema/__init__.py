"""The resources of the API: attributes, types of fields, validation, OpenAPI."""
