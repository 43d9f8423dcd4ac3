"""Our own API: OpenAPI 3.1, RFC 9457 errors."""
