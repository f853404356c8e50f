"""The OpenAPI document: one module a part of the API, composed by `document`."""
