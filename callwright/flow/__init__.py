"""Applications: documents, modules, and the engine that walks from exit to exit. Pure."""
