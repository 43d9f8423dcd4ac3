"""What the inner layers ask of the outer ones: protocols and dataclasses only."""
