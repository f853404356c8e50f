"""The pages, one module each: what a page asks, and the template that shows it."""
